package loadgen

// Ratio is one figure of two results, and the second as a multiple of the first.
type Ratio struct {
	Scenario string  `json:"scenario"`
	Phase    string  `json:"phase"`
	Figure   string  `json:"figure"` // messages_per_second, OPERATION.p50_ms, OPERATION.p99_ms, client_us_per_request or server_us_per_request
	A        float64 `json:"a"`
	B        float64 `json:"b"`
	Ratio    float64 `json:"b_to_a"`
}

// Compare returns the figures that two lists of results have in common: of the same scenario (the first of each name) and phase, in the order of a.
func Compare(a, b []*Result) []Ratio {
	var out []Ratio
	for _, ra := range a {
		for _, pa := range ra.Phases {
			pb := phaseOf(b, ra.Scenario, pa.Name)
			if pb == nil {
				continue
			}
			add := func(figure string, x, y float64) {
				if x > 0 && y > 0 {
					out = append(out, Ratio{ra.Scenario, pa.Name, figure, x, y, y / x})
				}
			}
			add("messages_per_second", pa.Rate, pb.Rate)
			for _, x := range pa.Operations {
				for _, y := range pb.Operations {
					if x.Name == y.Name {
						add(x.Name+".p50_ms", x.P50, y.P50)
						add(x.Name+".p99_ms", x.P99, y.P99)
					}
				}
			}
			add("client_us_per_request", pa.CPU.ClientPerRequest, pb.CPU.ClientPerRequest)
			add("server_us_per_request", pa.CPU.ServerPerRequest, pb.CPU.ServerPerRequest)
		}
	}
	return out
}

func phaseOf(list []*Result, scenario, phase string) *Phase {
	for _, r := range list {
		if r.Scenario != scenario {
			continue
		}
		for i := range r.Phases {
			if r.Phases[i].Name == phase {
				return &r.Phases[i]
			}
		}
		return nil
	}
	return nil
}
