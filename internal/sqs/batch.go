package sqs

import (
	"fmt"

	"github.com/staunchmq/staunch/internal/api"
)

// checkBatch checks the shape of a batch: how many entries, and their Ids (reference/sqs.md 2.2, 4.10). entry is the name of an
// entry in texts; id returns the Id of entry i. present tells an empty list from none at all.
func checkBatch(entry string, n int, present bool, id func(i int) *string) error {
	if !present {
		return api.Missing("Entries")
	}
	if n == 0 {
		return api.EmptyBatchRequest.Newf("There should be at least one %s in the request.", entry)
	}
	for i := range n {
		switch s := id(i); {
		case s == nil:
			return api.Missing(entryParameter(entry, i, "Id"))
		case !isName(*s, batchIDMax):
			return api.InvalidBatchEntryId.New()
		}
	}
	if i := repeatedID(n, id); i >= 0 {
		return api.BatchEntryIdsNotDistinct.Newf("Id %s repeated.", *id(i))
	}
	if n > batchEntriesMax {
		return api.TooManyEntriesInBatchRequest.Newf("Maximum number of entries per request are %d. You have sent %d.", batchEntriesMax, n)
	}
	return nil
}

// repeatedID returns the first entry whose Id an entry before it has, or -1.
func repeatedID(n int, id func(i int) *string) int {
	if n <= batchEntriesMax { // comparing all with all is faster than a map
		for i := range n {
			for k := range i {
				if *id(i) == *id(k) {
					return i
				}
			}
		}
		return -1
	}
	seen := make(map[string]bool, n)
	for i := range n {
		if seen[*id(i)] {
			return i
		}
		seen[*id(i)] = true
	}
	return -1
}

// entryParameter names a parameter of entry i of a batch, which counts from 1 in texts.
func entryParameter(entry string, i int, parameter string) string {
	return fmt.Sprintf("%s.%d.%s", entry, i+1, parameter)
}
