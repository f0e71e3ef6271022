package admin

import (
	"io"
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/staunchmq/staunch/internal/access"
)

// decide answers POST /decide.
func (o Options) decide(w http.ResponseWriter, r *http.Request) {
	var decide func(*access.Question) (*access.Explanation, error)
	if o.Decide != nil {
		decide = o.Decide()
	}
	if decide == nil {
		answer(w, http.StatusServiceUnavailable, "the server is starting or stopping\n")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, identityBytesMax))
	if err != nil {
		answer(w, http.StatusRequestEntityTooLarge, "the body was not read: "+err.Error()+"\n")
		return
	}
	var question access.Question
	if err := json.Unmarshal(body, &question, json.RejectUnknownMembers(true)); err != nil {
		answer(w, http.StatusBadRequest, "the body is not a question: "+err.Error()+"\n")
		return
	}
	explanation, err := decide(&question)
	if err != nil {
		answer(w, http.StatusBadRequest, err.Error()+"\n")
		return
	}
	answerJSON(w, http.StatusOK, explanation)
}
