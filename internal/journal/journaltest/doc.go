// Package journaltest is the conformance suite that every implementation of journal.Journal passes, and what its tests need to
// make records.
package journaltest
