package sqs

import (
	"encoding/base64"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/zeebo/xxh3"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
)

// page is one page of a list of queues (reference/sqs.md 4.4). A token says after which queue the next page goes on, so pages are
// right even if queues come and go in between.
type page struct {
	after catalog.Key // the page starts after this queue

	max     int
	taken   int
	last    catalog.Key
	more    bool // there is at least one more than max
	paged   bool // the request gave MaxResults: only then is there a token
	request uint64
}

// pageToken is what a NextToken holds, as base64 of its JSON.
type pageToken struct {
	// Request is a hash of the parameters that must not change from page to page.
	Request uint64      `json:"request,string"`
	After   catalog.Key `json:"after"`
}

// newPage checks MaxResults and NextToken. parameters are the others that a token is bound to, with the name of the action.
func newPage(maxResults *int64, nextToken *string, parameters ...string) (*page, error) {
	if !inRange(maxResults, 1, listMax) {
		return nil, api.InvalidParameterValue.Newf("Value for parameter MaxResults is invalid. Reason: MaxResults must be an integer between 1 and %d.", listMax)
	}
	p := &page{max: listMax, paged: maxResults != nil}
	if p.paged {
		p.max = int(*maxResults)
		parameters = append(parameters, decimal(*maxResults))
	}
	p.request = xxh3.HashString(strings.Join(parameters, "\x00"))
	if nextToken == nil {
		return p, nil
	}
	var token pageToken
	data, err := base64.RawURLEncoding.DecodeString(*nextToken)
	if err != nil || json.Unmarshal(data, &token, json.RejectUnknownMembers(true)) != nil || token.After == (catalog.Key{}) {
		return nil, api.InvalidParameterValue.Newf("Invalid or expired next token.")
	}
	if token.Request != p.request {
		return nil, api.InvalidParameterValue.Newf("Invalid NextToken value. If you are passing in NextToken, you must not change the other request parameters.")
	}
	p.after = token.After
	return p, nil
}

// take puts a queue on the page. It returns false, and the page ends, if there is no room for it.
func (p *page) take(k catalog.Key) bool {
	if p.taken == p.max {
		p.more = true
		return false
	}
	p.taken++
	p.last = k
	return true
}

// nextToken is the token for the next page; empty if this was the last, or if the request did not ask for pages.
func (p *page) nextToken() string {
	if !p.more || !p.paged {
		return ""
	}
	data, err := json.Marshal(pageToken{Request: p.request, After: p.last})
	if err != nil {
		return "" // cannot be: all of it is plain ASCII
	}
	return base64.RawURLEncoding.EncodeToString(data)
}
