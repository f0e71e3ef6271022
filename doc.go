// Package staunch runs an Amazon SQS inside a Go program.
//
//	server, err := staunch.Start(ctx, staunch.Options{})
//	...
//	defer server.Close()
//	client := sqs.New(sqs.Options{BaseEndpoint: aws.String(server.Endpoint()), ...})
//
// It is the server of the staunch command, with the same semantics: with Options.Data set, an answer means that the change is on
// disk. Signatures are verified with the setting auth, with access keys of the setting credentials-file or the one of Server.RootKey;
// without auth it listens on loopback addresses only, unless told otherwise in words.
package staunch
