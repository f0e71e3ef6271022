package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// chart is a plot of lines. Both axes are linear or logarithmic; on a logarithmic one there is no 0.
type chart struct {
	Name, Title, X, Y string
	LogX, LogY        bool
	Lines             []line
}

// line is one line of a chart, from left to right.
type line struct {
	Name   string
	Points [][2]float64
	Dashed bool
}

// add appends a point to the line of a name, which it begins if there is none.
func (c *chart) add(name string, dashed bool, x, y float64) {
	for i := range c.Lines {
		if c.Lines[i].Name == name {
			c.Lines[i].Points = append(c.Lines[i].Points, [2]float64{x, y})
			return
		}
	}
	c.Lines = append(c.Lines, line{Name: name, Points: [][2]float64{{x, y}}, Dashed: dashed})
}

// Measures of the picture, in pixels.
const (
	width, height            = 880, 440
	left, right, top, bottom = 80, 270, 40, 50
)

// axis maps values to pixels.
type axis struct {
	low, high float64
	log       bool
	from, to  float64 // pixels
}

func (a axis) at(v float64) float64 {
	low, high := a.low, a.high
	if a.log {
		v, low, high = math.Log10(v), math.Log10(low), math.Log10(high)
	}
	return a.from + (v-low)/(high-low)*(a.to-a.from)
}

// ticks returns where the axis has its numbers.
func (a axis) ticks() (list []float64) {
	if a.log {
		for decade := math.Pow(10, math.Floor(math.Log10(a.low))); decade <= a.high; decade *= 10 {
			for _, m := range []float64{1, 2, 5} {
				if v := decade * m; v >= a.low*0.999 && v <= a.high*1.001 {
					list = append(list, v)
				}
			}
		}
		return list
	}
	step := niceStep(a.high - a.low)
	for v := a.low; v <= a.high*1.0001; v += step {
		list = append(list, v)
	}
	return list
}

// niceStep returns a step of 1, 2 or 5 times a power of ten that divides a span in four to ten.
func niceStep(span float64) float64 {
	decade := math.Pow(10, math.Floor(math.Log10(span)))
	for _, part := range []float64{1, 0.5, 0.2} {
		if span/(decade*part) >= 4 {
			return decade * part
		}
	}
	return decade / 10
}

// axes finds the ranges of the values.
func (c *chart) axes() (x, y axis) {
	x = axis{low: math.Inf(1), high: math.Inf(-1), log: c.LogX, from: left, to: width - right}
	y = axis{low: math.Inf(1), high: math.Inf(-1), log: c.LogY, from: height - bottom, to: top}
	for _, l := range c.Lines {
		for _, p := range l.Points {
			x.low, x.high = min(x.low, p[0]), max(x.high, p[0])
			y.low, y.high = min(y.low, p[1]), max(y.high, p[1])
		}
	}
	for _, a := range []*axis{&x, &y} {
		if a.low > a.high { // nothing to show
			a.low, a.high = 1, 10
		}
		if !a.log {
			a.low = min(a.low, 0)
		}
		if a.high <= a.low {
			a.high = a.low*2 + 1
		}
	}
	if !y.log {
		y.high = math.Ceil(y.high/niceStep(y.high-y.low)) * niceStep(y.high-y.low)
	}
	return x, y
}

// Colours that people with any colour vision can tell apart (Okabe and Ito), and
// more for those that do not come to that.
var colours = []string{"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999", "#8B4513", "#6A3D9A", "#B2DF8A", "#E31A1C", "#1B4D3E"}

// svg draws the chart.
func (c *chart) svg() string {
	var b strings.Builder
	x, y := c.axes()
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">
<rect width="100%%" height="100%%" fill="white"/>
<text x="%d" y="22" font-size="15">%s</text>
`, width, height, left, html.EscapeString(c.Title))
	for _, v := range x.ticks() {
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n",
			x.at(v), top, x.at(v), height-bottom, x.at(v), height-bottom+18, short(v))
	}
	for _, v := range y.ticks() {
		fmt.Fprintf(&b, `<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
			left, y.at(v), width-right, y.at(v), left-8, y.at(v)+4, short(v))
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">%s</text><text x="18" y="%d" text-anchor="middle" transform="rotate(-90 18 %d)">%s</text>`+"\n",
		(left+width-right)/2, height-12, html.EscapeString(c.X), (top+height-bottom)/2, (top+height-bottom)/2, html.EscapeString(c.Y))
	solid := -1
	for i, l := range c.Lines {
		if !l.Dashed { // a dashed one is the companion of the line before
			solid++
		}
		drawLine(&b, x, y, i, colours[max(solid, 0)%len(colours)], l)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// drawLine draws line i and its name.
func drawLine(b *strings.Builder, x, y axis, i int, colour string, l line) {
	dash := ""
	if l.Dashed {
		dash = ` stroke-dasharray="5 4"`
	}
	var points []string
	for _, p := range l.Points {
		points = append(points, fmt.Sprintf("%.1f,%.1f", x.at(p[0]), y.at(p[1])))
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`, x.at(p[0]), y.at(p[1]), colour)
	}
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"%s/>`+"\n", strings.Join(points, " "), colour, dash)
	at := top + 10 + 20*i
	fmt.Fprintf(b, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="%s" stroke-width="2"%s/><text x="%d" y="%d">%s</text>`+"\n",
		width-right+15, at, width-right+40, at, colour, dash, width-right+46, at+4, html.EscapeString(l.Name))
}

// short writes a number with a unit prefix.
func short(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%gM", round(v/1e6))
	case v >= 1e3:
		return fmt.Sprintf("%gk", round(v/1e3))
	default:
		return fmt.Sprintf("%g", round(v))
	}
}

// round leaves three decimals.
func round(v float64) float64 { return math.Round(v*1000) / 1000 }
