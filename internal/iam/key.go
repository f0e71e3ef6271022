package iam

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// keyID tells condition keys apart.
type keyID uint8

const (
	otherKey keyID = iota // only Context.Values can have it
	currentTime
	epochTime
	multiFactorAuthPresent
	principalARN
	principalAccount
	principalIsAWSService
	principalServiceName
	principalType
	referer
	requestedRegion
	resourceAccount
	secureTransport
	sourceAccount
	sourceARN
	sourceIP
	tagKeys
	tokenAge
	tokenIssueTime
	userAgent
	userID
	userName
	viaAWSService
	requestTag  // aws:RequestTag/<key>
	resourceTag // aws:ResourceTag/<key>
)

// keyIDs are the condition keys that requests have here, in lower case.
var keyIDs = map[string]keyID{
	"aws:currenttime":            currentTime,
	"aws:epochtime":              epochTime,
	"aws:multifactorauthpresent": multiFactorAuthPresent,
	"aws:principalarn":           principalARN,
	"aws:principalaccount":       principalAccount,
	"aws:principalisawsservice":  principalIsAWSService,
	"aws:principalservicename":   principalServiceName,
	"aws:principaltype":          principalType,
	"aws:referer":                referer,
	"aws:requestedregion":        requestedRegion,
	"aws:resourceaccount":        resourceAccount,
	"aws:securetransport":        secureTransport,
	"aws:sourceaccount":          sourceAccount,
	"aws:sourcearn":              sourceARN,
	"aws:sourceip":               sourceIP,
	"aws:tagkeys":                tagKeys,
	"aws:tokenage":               tokenAge,
	"aws:tokenissuetime":         tokenIssueTime,
	"aws:useragent":              userAgent,
	"aws:userid":                 userID,
	"aws:username":               userName,
	"aws:viaawsservice":          viaAWSService,
}

// Prefixes of the keys that end with the key of a tag.
const (
	requestTagPrefix  = "aws:requesttag/"
	resourceTagPrefix = "aws:resourcetag/"
)

// key is a condition key. Names are compared without case.
type key struct {
	id    keyID
	lower string
	tag   string // of requestTag and resourceTag
}

// compileKey reads the name of a condition key: service:name. A key that no request has here is a key all the same.
func compileKey(name string) (key, error) {
	k := key{lower: strings.ToLower(name)}
	if name == "" {
		return k, errors.New("the name of a condition key is empty")
	}
	switch {
	case strings.HasPrefix(k.lower, requestTagPrefix):
		k.id, k.tag = requestTag, name[len(requestTagPrefix):]
	case strings.HasPrefix(k.lower, resourceTagPrefix):
		k.id, k.tag = resourceTag, name[len(resourceTagPrefix):]
	default:
		k.id = keyIDs[k.lower]
		return k, nil
	}
	if k.tag == "" {
		return k, errors.New("the key of the tag is missing after " + name)
	}
	return k, nil
}

// value is one value of a condition key: a text, an address, or a time, which is written as seconds since 1970 if it is epoch.
type value struct {
	text    string
	address netip.Addr
	time    time.Time
	epoch   bool
}

// asText is the value as String operators see it.
func (v *value) asText() string {
	switch {
	case v.address.IsValid():
		return v.address.String()
	case v.epoch:
		return strconv.FormatInt(v.time.Unix(), 10)
	case !v.time.IsZero():
		return v.time.UTC().Format(time.RFC3339)
	}
	return v.text
}

// asSeconds is the value as Date operators see it, in seconds since 1970.
func (v *value) asSeconds() (int64, bool) {
	if !v.time.IsZero() {
		return v.time.Unix(), true
	}
	return parseDate(v.text)
}

// asNumber is the value as Numeric operators see it.
func (v *value) asNumber() (float64, bool) {
	if v.epoch {
		return float64(v.time.Unix()), true
	}
	return parseNumber(v.text)
}

// asAddress is the value as IpAddress sees it.
func (v *value) asAddress() (netip.Addr, bool) {
	if v.address.IsValid() {
		return v.address, true
	}
	a, err := netip.ParseAddr(v.text)
	return a.Unmap().WithZone(""), err == nil
}

// values appends the values that a request has for a key to dst. There are none if the request does not have the key.
func (q *Request) values(k *key, dst []value) []value {
	if given, ok := q.Context.Values[k.lower]; ok {
		for _, text := range given {
			dst = append(dst, value{text: text})
		}
		return dst
	}
	c := &q.Context
	switch k.id {
	case currentTime:
		return append(dst, value{time: c.Time})
	case epochTime:
		return append(dst, value{time: c.Time, epoch: true})
	case tokenIssueTime:
		if !c.TokenIssued.IsZero() {
			dst = append(dst, value{time: c.TokenIssued})
		}
		return dst
	case secureTransport:
		return append(dst, value{text: strconv.FormatBool(c.SecureTransport)})
	case viaAWSService:
		return append(dst, value{text: "false"})
	case sourceIP:
		if c.SourceIP.IsValid() {
			dst = append(dst, value{address: c.SourceIP})
		}
		return dst
	case tagKeys:
		for _, name := range c.TagKeys {
			dst = append(dst, value{text: name})
		}
		return dst
	case requestTag:
		return appendTag(dst, c.RequestTags, k.tag)
	case resourceTag:
		return appendTag(dst, c.ResourceTags, k.tag)
	}
	return appendText(dst, q.text(k.id))
}

// text is the value of a key that has at most one, and that is never empty; "" if the request does not have it.
func (q *Request) text(id keyID) string {
	c, p := &q.Context, &q.Principal
	switch id {
	case multiFactorAuthPresent:
		if p.Kind == AssumedRole { // AWS: temporary credentials have it, lasting ones do not
			return "false"
		}
	case principalARN:
		return p.policyARN()
	case principalAccount:
		return p.Account
	case principalIsAWSService:
		return strconv.FormatBool(p.Kind == Service)
	case principalServiceName:
		if p.Kind == Service {
			return p.Name
		}
	case principalType:
		return p.Kind.String()
	case referer:
		return c.Referer
	case requestedRegion:
		return c.Region
	case resourceAccount:
		return q.ResourceAccount
	case sourceAccount:
		return c.SourceAccount
	case sourceARN:
		return c.SourceARN
	case tokenAge:
		if !c.TokenIssued.IsZero() {
			return strconv.FormatInt(int64(c.Time.Sub(c.TokenIssued)/time.Second), 10)
		}
	case userAgent:
		return c.UserAgent
	case userID:
		return p.UserID
	case userName:
		if p.Kind == User {
			return p.Name
		}
	}
	return ""
}

func appendText(dst []value, text string) []value {
	if text != "" {
		dst = append(dst, value{text: text})
	}
	return dst
}

// appendTag appends the value of a tag. AWS compares the tag's key without case here; if several fit, the same one counts always.
func appendTag(dst []value, tags map[string]string, name string) []value {
	if text, ok := tags[name]; ok {
		return append(dst, value{text: text})
	}
	found := ""
	for other := range tags {
		if strings.EqualFold(other, name) && (found == "" || other < found) {
			found = other
		}
	}
	if found != "" {
		dst = append(dst, value{text: tags[found]})
	}
	return dst
}

// parseDate reads a date as policies write it: ISO 8601 with seconds, minutes, days, months or years as the last part, in UTC or
// with an offset, or seconds since 1970.
func parseDate(s string) (seconds int64, ok bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && len(s) != len("2006") {
		return n, true
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01", "2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.Unix(), true
		}
	}
	return 0, false
}
