// Command staunch is Amazon SQS that you run yourself. `staunch --help` lists what it can do.
package main

import (
	"os"

	"github.com/staunchmq/staunch/internal/cli"
	"github.com/staunchmq/staunch/internal/server"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Environ(), os.Stdout, os.Stderr, server.Run))
}
