package main

// brokers returns the brokers that speak other protocols.
func brokers() []*rival { return nil }
