package cli_test

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestExitCodes(t *testing.T) {
	tests := []struct {
		name    string
		environ []string
		args    []string
		want    int
	}{
		{"help", nil, []string{"--help"}, 0},
		{"version", nil, []string{"version"}, 0},
		{"clean end", nil, []string{"serve", "--region", "once"}, 0},
		{"server fails", nil, []string{"serve", "--region", "broken"}, 1},
		{"no server to ask", nil, []string{"healthcheck", "--url", "http://127.0.0.1:1"}, 1},
		{"no server to back up", nil, []string{"backup", "create", "/none/x", "--url", "http://127.0.0.1:1", "--admin-token-file", "/dev/null"}, 1},
		{"no data directory", nil, []string{"journal", "check", "--data", "/none"}, 2},
		{"a directory of something else", nil, []string{"journal", "check", "--data", "testdata"}, 2},
		{"a file in place of a data directory", nil, []string{"journal", "dump", "--data", "exit_test.go"}, 2},
		{"a directory in place of a backup", nil, []string{"backup", "verify", "testdata"}, 2},
		{"no backup", nil, []string{"restore", "/none"}, 2},
		{"wrong URL", nil, []string{"journal", "check", "--url", "127.0.0.1:1"}, 2},
		{"file is wrong", nil, []string{"config", "validate", "/none.yaml"}, 1},
		{"allowed", nil, []string{"policy", "test", "--principal", "arn:aws:iam::111111111111:root", "--action", "sqs:SendMessage", "--resource", "arn:aws:sqs:r:111111111111:q"}, 0},
		{"denied", nil, []string{"policy", "test", "--principal", "anonymous", "--action", "sqs:SendMessage", "--resource", "arn:aws:sqs:r:111111111111:q"}, 1},
		{"no policy to test", nil, []string{"policy", "test", "--principal", "anonymous", "--action", "sqs:SendMessage", "--resource", "arn:aws:sqs:r:111111111111:q", "--resource-policy", "/none"}, 2},
		{"nothing to decide", nil, []string{"policy", "test"}, 2},
		{"no policy to check", nil, []string{"policy", "validate", "/none"}, 2},
		{"unknown command", nil, []string{"sreve"}, 2},
		{"unknown subcommand", nil, []string{"config", "prnt"}, 2},
		{"unknown shell", nil, []string{"completion", "foo"}, 2},
		{"a shell", nil, []string{"completion", "bash"}, 0},
		{"shells", nil, []string{"completion"}, 0},
		{"help about an unknown command", nil, []string{"help", "sreve"}, 2},
		{"help about an unknown subcommand", nil, []string{"help", "journal", "chekc"}, 2},
		{"help about what has no subcommands", nil, []string{"help", "serve", "now"}, 2},
		{"help about a command", nil, []string{"help", "journal", "check"}, 0},
		{"help about everything", nil, []string{"help"}, 0},
		{"unknown flag", nil, []string{"serve", "--listn", "x"}, 2},
		{"unknown short flag", nil, []string{"serve", "-x"}, 2},
		{"missing argument", nil, []string{"config", "validate"}, 2},
		{"too many arguments", nil, []string{"serve", "now"}, 2},
		{"unknown form of output", nil, []string{"config", "print", "-o", "xml"}, 2},
		{"setting out of range", nil, []string{"serve", "--shards", "300"}, 2},
		{"unknown variable", []string{"STAUNCH_NOTHING=1"}, []string{"config", "print"}, 2},
		{"healthcheck of a free port", nil, []string{"healthcheck", "--admin-listen", "127.0.0.1:0"}, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := run(test.environ, test.args...)
			if code != test.want {
				t.Errorf("exit code %d, want %d; stdout %q, stderr %q", code, test.want, stdout, stderr)
			}
			if (code != 0) != (stderr != "") {
				t.Errorf("exit code %d with stderr %q", code, stderr)
			}
		})
	}
}

func TestFlagsThatWouldBeIgnoredAreRefused(t *testing.T) {
	ring := "file:" + filepath.Join(t.TempDir(), "ring.yaml")
	expect(t, 0, "", "keyring", "create", "--keyring", ring)
	const policyTest = "policy test --principal anonymous --action sqs:SendMessage --resource arn:aws:sqs:r:111111111111:q"
	for _, test := range []struct{ command, flags string }{
		{"journal dump --backup none", "data config"},
		{"journal check --data none", "admin-token-file ca cert key"},
		{"keyring forget aws/sqs 1 --data none --keyring " + ring, "admin-token-file ca cert key"},
		{policyTest, "admin-token-file ca cert key data config"},
		{"backup create none --data none", "url ca cert key admin-listen admin-tls-cert admin-tls-key admin-token-file"},
	} {
		for _, flag := range strings.Fields(test.flags) {
			expect(t, 2, "--"+flag+" is for … --help", append(strings.Fields(test.command), "--"+flag, "x")...)
		}
	}
	// What says where the server is, twice.
	for _, command := range []string{"user list", "keyring rewrap", "journal check", "backup create none", policyTest} {
		for _, flag := range []string{"admin-listen", "admin-tls-cert", "admin-tls-key"} {
			given := append(strings.Fields(command), "--url", "http://127.0.0.1:1", "--"+flag, "127.0.0.1:2")
			expect(t, 2, "--"+flag+" … --help", given...)
		}
	}
}
