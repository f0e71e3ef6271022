package config_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/config"
)

// write puts a settings file into a directory that the test then works in, so that messages have a short path.
func write(t *testing.T, content string) string {
	t.Helper()
	t.Chdir(t.TempDir())
	const name = "staunch.yaml"
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func load(t *testing.T, sources config.Sources) (*config.Config, config.Origins) {
	t.Helper()
	c, origins, err := config.Load(sources)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return c, origins
}

func TestDefaults(t *testing.T) {
	c, origins := load(t, config.Sources{})
	want := &config.Config{
		Listen:             "127.0.0.1:9324",
		AdminListen:        "127.0.0.1:9325",
		Auth:               config.AuthOff,
		AuthClockSkew:      15 * time.Minute,
		Data:               "./staunch-data",
		Journal:            config.DiskJournal,
		QueueURLStyle:      config.HostStyle,
		Domain:             "localhost",
		Region:             "us-east-1",
		Account:            "000000000000",
		RecreateDelay:      time.Minute,
		PurgeInterval:      time.Minute,
		ACMEDirectory:      "https://acme-v02.api.letsencrypt.org/directory",
		MaxHeaderBytes:     64 << 10,
		HeaderTimeout:      5 * time.Second,
		BodyTimeout:        time.Minute,
		AnswerTimeout:      30 * time.Second,
		IdleTimeout:        2 * time.Minute,
		FIFOQuota:          config.FIFOQuotaOff,
		AuditLog:           config.AuditOff,
		AuditLogBytes:      100 << 20,
		AuditLogFiles:      10,
		MaxBodyBytes:       16 << 20,
		BodyBufferBytes:    512 << 20,
		AnswerBufferBytes:  256 << 20,
		MaxWaitingReceives: 100_000,
		CheckpointBytes:    64 << 20,
		BodyCacheBytes:     64 << 20,
		JournalCacheBytes:  64 << 20,
		PendingBytes:       64 << 20,
		CleanRate:          32 << 20,
		DiskReserve:        512 << 20,
		MetricsMaxQueues:   1000,
		ShutdownTimeout:    10 * time.Second,
		LogLevel:           slog.LevelInfo,
		LogFormat:          config.TextLog,
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("the defaults differ (-want +got):\n%s", diff)
	}
	for name, origin := range origins {
		if origin.String() != "default" {
			t.Errorf("%s comes from %s", name, origin)
		}
	}
}

func TestEarlierLayersWin(t *testing.T) {
	file := write(t, "# a comment\nregion: eu-west-1\nshards: 4\naccount: 000000000042\nrecreate-delay: 0\n")
	c, origins := load(t, config.Sources{
		File:    file,
		Environ: []string{"HOME=/root", "STAUNCH_SHARDS=8", "STAUNCH_LOG_LEVEL=debug", "STAUNCH_ADMIN_LISTEN="},
		Flags:   map[string]string{"log-level": "warn", "max-waiting-receives": "2k"},
	})
	if c.Region != "eu-west-1" || c.Shards != 8 || c.LogLevel != slog.LevelWarn || c.Account != "000000000042" ||
		c.RecreateDelay != 0 || c.AdminListen != "" || c.MaxWaitingReceives != 2000 {
		t.Errorf("Load = %+v", c)
	}
	for name, want := range map[string]string{
		"region":       "staunch.yaml:2",
		"account":      "staunch.yaml:4",
		"shards":       "STAUNCH_SHARDS",
		"log-level":    "--log-level",
		"admin-listen": "STAUNCH_ADMIN_LISTEN",
		"domain":       "default",
	} {
		if got := origins[name].String(); got != want {
			t.Errorf("%s comes from %s, want %s", name, got, want)
		}
	}
}

func TestFileIsFoundByTheEnvironment(t *testing.T) {
	write(t, "region: eu-west-1")
	if err := os.WriteFile("other.yaml", []byte("region: eu-west-2"), 0o600); err != nil {
		t.Fatal(err)
	}
	environ := []string{"STAUNCH_CONFIG=staunch.yaml"}
	if c, _ := load(t, config.Sources{Environ: environ}); c.Region != "eu-west-1" {
		t.Errorf("region is %s, want that of STAUNCH_CONFIG", c.Region)
	}
	if c, _ := load(t, config.Sources{Environ: environ, File: "other.yaml"}); c.Region != "eu-west-2" {
		t.Errorf("region is %s, want that of --config", c.Region)
	}
}

func TestProblems(t *testing.T) {
	tests := []struct {
		name    string
		file    string
		environ []string
		flags   map[string]string
		want    string
	}{
		{
			name: "unknown key",
			file: "region: eu-west-1\nadmin_listen: 127.0.0.1:1\n",
			want: `staunch.yaml:2: there is no setting "admin_listen"; the nearest is "admin-listen"`,
		},
		{
			name:    "unknown variable",
			environ: []string{"STAUNCH_LOGLEVEL=debug"},
			want:    "STAUNCH_LOGLEVEL: there is no such setting; the nearest is STAUNCH_LOG_LEVEL",
		},
		{
			name:    "unknown variable with a part of a name",
			environ: []string{"STAUNCH_URL=http://x"},
			want:    "STAUNCH_URL: there is no such setting; the nearest is STAUNCH_PUBLIC_URL",
		},
		{
			name:    "port of a user, not of Kubernetes",
			environ: []string{"STAUNCH_PORT=9324"},
			want:    "STAUNCH_PORT: there is no such setting; the nearest is STAUNCH_AUTH",
		},
		{
			name: "count out of range", flags: map[string]string{"shards": "300"},
			want: "--shards: shards: 300 is out of range 0 to 256",
		},
		{
			name: "count beyond integers", flags: map[string]string{"shards": "99999999999999999999"},
			want: "--shards: shards: 99999999999999999999 is out of range 0 to 256",
		},
		{
			name: "negative count", flags: map[string]string{"shards": "-1"},
			want: "--shards: shards: -1 is out of range 0 to 256",
		},
		{
			name: "no count", file: "shards: many",
			want: `staunch.yaml:1: shards: "many" is not accepted; it must be a whole number, 0 to 256`,
		},
		{
			name: "duration without unit", file: "recreate-delay: 60",
			want: `staunch.yaml:1: recreate-delay: "60" is not accepted; it must be a duration with its unit such as 90s or 1m30s, 0s to 1h`,
		},
		{
			name: "duration out of range", environ: []string{"STAUNCH_SHUTDOWN_TIMEOUT=1h"},
			want: "STAUNCH_SHUTDOWN_TIMEOUT: shutdown-timeout: 1h is out of range 1s to 10m",
		},
		{
			name: "size out of range", flags: map[string]string{"max-body-bytes": "1000"},
			want: "--max-body-bytes: max-body-bytes: 1000 is out of range 1MiB to 256MiB",
		},
		{
			name: "room for no body of the largest size", flags: map[string]string{"max-body-bytes": "100MiB", "body-buffer-bytes": "150MiB"},
			want: "--body-buffer-bytes: body-buffer-bytes (150MiB) must be twice max-body-bytes (100MiB) or more, because the memory for a body doubles while it grows",
		},
		{
			name: "size beyond integers", flags: map[string]string{"max-body-bytes": "9999999999GiB"},
			want: "--max-body-bytes: max-body-bytes: 9999999999GiB is out of range 1MiB to 256MiB",
		},
		{
			name: "unit that is not clear", flags: map[string]string{"max-body-bytes": "16M"},
			want: `--max-body-bytes: max-body-bytes: "16M" is not accepted; it must be a size such as 500kB or 64MiB, 1MiB to 256MiB`,
		},
		{
			name: "not in steps", flags: map[string]string{"audit-log-bytes": "1500kB"},
			want: `--audit-log-bytes: audit-log-bytes: "1500kB" is not accepted; it must be 1MiB to 16GiB in steps of 1MiB`,
		},
		{
			name: "word", file: "journal: tape",
			want: `staunch.yaml:1: journal: "tape" is not accepted; it must be disk or memory`,
		},
		{
			name: "log level", file: "log-level: loud",
			want: `staunch.yaml:1: log-level: "loud" is not accepted; it must be debug, info, warn or error`,
		},
		{
			name: "bool", file: "insecure-no-auth: yes",
			want: `staunch.yaml:1: insecure-no-auth: "yes" is not accepted; it must be true or false`,
		},
		{
			name: "account", file: "account: 12345",
			want: `staunch.yaml:1: account: "12345" is not accepted; it must be 12 digits`,
		},
		{
			name: "region", environ: []string{"STAUNCH_REGION="},
			want: `STAUNCH_REGION: region: "" is not accepted; it must be 1 to 32 lower-case letters, digits and hyphens`,
		},
		{
			name: "regions", environ: []string{"STAUNCH_AUTH_REGIONS=us-east-1,,local"},
			want: `STAUNCH_AUTH_REGIONS: auth-regions: "us-east-1,,local" is not accepted; it must be names of regions separated by commas, or empty; ` +
				`a region is 1 to 32 lower-case letters, digits and hyphens`,
		},
		{
			name: "half an access key", environ: []string{"STAUNCH_ROOT_SECRET_ACCESS_KEY=0123456789abcdef"},
			want: "STAUNCH_ROOT_ACCESS_KEY_ID: STAUNCH_ROOT_ACCESS_KEY_ID and STAUNCH_ROOT_SECRET_ACCESS_KEY go together; one of them is missing",
		},
		{
			name: "domain", file: "domain: -x.example",
			want: `staunch.yaml:1: domain: "-x.example" is not accepted; it must be a domain name in lower case`,
		},
		{
			name: "address without port", file: "listen: 127.0.0.1",
			want: `staunch.yaml:1: listen: "127.0.0.1" is not accepted; it must be host:port with a port of 0 to 65535`,
		},
		{
			name: "address with a large port", file: "listen: 127.0.0.1:70000",
			want: `staunch.yaml:1: listen: "127.0.0.1:70000" is not accepted; it must be host:port with a port of 0 to 65535`,
		},
		{
			name: "public URL", file: "public-url: sqs.example.com",
			want: `staunch.yaml:1: public-url: "sqs.example.com" is not accepted; it must be an http:// or https:// URL without user, query or fragment`,
		},
		{
			name: "empty path", flags: map[string]string{"data": ""},
			want: "--data: data: it must not be empty",
		},
		{
			name: "all at once",
			file: "listn: 127.0.0.1:1\nshards: 300", environ: []string{"STAUNCH_DATTA=x"}, flags: map[string]string{"region": "EU"},
			want: "staunch.yaml:1: there is no setting \"listn\"; the nearest is \"listen\"\n" +
				"staunch.yaml:2: shards: 300 is out of range 0 to 256\n" +
				"STAUNCH_DATTA: there is no such setting; the nearest is STAUNCH_DATA\n" +
				`--region: region: "EU" is not accepted; it must be 1 to 32 lower-case letters, digits and hyphens`,
		},
		{
			name: "twice in the file", file: "shards: 1\nregion: x\nshards: 2",
			want: "staunch.yaml:3: shards: it was already set in line 1",
		},
		{
			name: "no value", file: "shards:",
			want: "staunch.yaml:1: shards: it needs one plain value, 0 to 256",
		},
		{
			name: "list", file: "shards: [1, 2]",
			want: "staunch.yaml:1: shards: it needs one plain value, 0 to 256",
		},
		{
			name: "no mapping", file: "- listen",
			want: "staunch.yaml:1: there must be lines of the form `name: value`",
		},
		{
			name: "two documents", file: "shards: 1\n---\nshards: 2",
			want: "staunch.yaml: there must be one YAML document, without a second after ---",
		},
		{
			name: "no YAML", file: "shards: 1\n\tregion: x",
			want: "staunch.yaml: this is not YAML: line 2: found a tab character that violates indentation",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sources := config.Sources{Environ: test.environ, Flags: test.flags}
			if test.file != "" {
				sources.File = write(t, test.file)
			}
			_, _, err := config.Load(sources)
			var problems *config.Error
			if !errors.As(err, &problems) {
				t.Fatalf("Load = %v, want a *config.Error", err)
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Errorf("the error differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFileThatIsNotThere(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none.yaml")
	for _, test := range []struct {
		sources config.Sources
		start   string
	}{
		{config.Sources{File: missing}, "--config: the settings file cannot be read: "},
		{config.Sources{Environ: []string{"STAUNCH_CONFIG=" + missing}}, "STAUNCH_CONFIG: the settings file cannot be read: "},
	} {
		_, _, err := config.Load(test.sources)
		if err == nil || !strings.HasPrefix(err.Error(), test.start) {
			t.Errorf("Load = %v, want it to start with %q", err, test.start)
		}
	}
}

func TestAuthentication(t *testing.T) {
	c, _ := load(t, config.Sources{
		Environ: []string{"STAUNCH_ROOT_ACCESS_KEY_ID=AKIAROOT", "STAUNCH_ROOT_SECRET_ACCESS_KEY=0123456789abcdef"},
		Flags:   map[string]string{"auth": "verify", "auth-regions": "us-east-1, local", "auth-clock-skew": "5m"},
	})
	if c.Auth != config.AuthVerify || c.RootKeyID != "AKIAROOT" || c.RootSecret != "0123456789abcdef" ||
		!slices.Equal(c.AuthRegions, []string{"us-east-1", "local"}) || c.AuthClockSkew != 5*time.Minute {
		t.Errorf("Load = %+v", c)
	}
}

func TestFilesWithoutSettings(t *testing.T) {
	for _, content := range []string{"", "# nothing\n", "---\n", "null\n", "{}\n"} {
		load(t, config.Sources{File: write(t, content)})
	}
}

func TestVariablesOfServiceLinksAreIgnored(t *testing.T) {
	load(t, config.Sources{Environ: []string{
		"STAUNCH_SERVICE_HOST=10.0.0.7",
		"STAUNCH_SERVICE_PORT=9324",
		"STAUNCH_SERVICE_PORT_SQS=9324",
		"STAUNCH_PORT=tcp://10.0.0.7:9324",
		"STAUNCH_PORT_9324_TCP=tcp://10.0.0.7:9324",
		"STAUNCH_PORT_9324_TCP_ADDR=10.0.0.7",
		"STAUNCH_ADMIN_SERVICE_HOST=10.0.0.8",
		"STAUNCH_ADMIN_PORT=tcp://10.0.0.8:9325",
		"STAUNCH_ADMIN_PORT_9325_TCP_PROTO=tcp",
	}})
}

func TestOtherMachinesMustBeAskedForInWords(t *testing.T) {
	tests := []struct {
		listen string
		open   bool
	}{
		{"127.0.0.1:9324", false},
		{"127.1.2.3:9324", false},
		{"localhost:9324", false},
		{"[::1]:9324", false},
		{"[::ffff:127.0.0.1]:9324", false},
		{"0.0.0.0:9324", true},
		{":9324", true},
		{"[::]:9324", true},
		{"192.168.1.7:9324", true},
		{"sqs.example.com:9324", true},
		{"127.0.0.1.example.com:9324", true},
	}
	for _, test := range tests {
		for _, setting := range []string{"listen", "admin-listen"} {
			t.Run(setting+"="+test.listen, func(t *testing.T) {
				other := map[string]string{"listen": "admin-listen", "admin-listen": "listen"}[setting]
				given := map[string]string{setting: test.listen, other: "127.0.0.1:1"}
				_, _, err := config.Load(config.Sources{Flags: given})
				if (err != nil) != test.open {
					t.Errorf("Load = %v, want an error: %v", err, test.open)
				}
				if test.open && !strings.Contains(err.Error(), "127.0.0.1:9324, or if this is what you want add --insecure-no-auth") {
					t.Errorf("the error does not say what to do: %v", err)
				}
				given["auth"] = "verify" // the admin token would still be sent in the clear
				if _, _, err := config.Load(config.Sources{Flags: given}); (err != nil) != (test.open && setting == "admin-listen") {
					t.Errorf("with auth: %v", err)
				}
				delete(given, "auth")
				given["insecure-no-auth"] = "true"
				if _, _, err := config.Load(config.Sources{Flags: given}); err != nil {
					t.Errorf("with insecure-no-auth: %v", err)
				}
			})
		}
	}
}

func TestTheTwoListenersNeedTwoAddresses(t *testing.T) {
	flags := func(address string) config.Sources {
		return config.Sources{Flags: map[string]string{"listen": address, "admin-listen": address}}
	}
	if _, _, err := config.Load(flags("127.0.0.1:9000")); err == nil || !strings.Contains(err.Error(), "already the address of the API") {
		t.Errorf("Load = %v", err)
	}
	load(t, flags("127.0.0.1:0"))
}

func TestTLSSettingsGoTogether(t *testing.T) {
	for _, test := range []struct {
		flags map[string]string
		want  string // "" if they are fine
	}{
		{map[string]string{"tls-cert": "c", "tls-key": "k", "tls-client-ca": "a"}, ""},
		{map[string]string{"tls-cert": "c"}, "--tls-cert: tls-cert and tls-key go together"},
		{map[string]string{"admin-tls-key": "k"}, "--admin-tls-key: admin-tls-cert and admin-tls-key go together"},
		{map[string]string{"tls-client-ca": "a"}, "--tls-client-ca: tls-client-ca: clients can show certificates over TLS only"},
		{map[string]string{"acme-domains": "a.example,b.example", "acme-email": "a@b"}, ""},
		{map[string]string{"acme-domains": "a.example", "tls-cert": "c", "tls-key": "k"}, "--acme-domains: acme-domains: the certificate is either"},
		{map[string]string{"acme-domains": "a.example", "journal": "memory"}, "--acme-domains: acme-domains: certificates are kept"},
		{map[string]string{"acme-domains": "A.example"}, "--acme-domains: acme-domains: \"A.example\" is not accepted"},
		{map[string]string{"acme-email": "a@b"}, "--acme-email: acme-email and acme-directory mean nothing"},
		{map[string]string{"audit-messages": "true"}, "--audit-messages: audit-messages: there is no audit log"},
		{map[string]string{"admin-listen": "0.0.0.0:1", "admin-tls-cert": "c", "admin-tls-key": "k", "admin-tls-client-ca": "a"}, ""},
		{map[string]string{"admin-listen": "0.0.0.0:1", "admin-tls-cert": "c", "admin-tls-key": "k"}, ""},
		{map[string]string{"admin-listen": "0.0.0.0:1"}, "--admin-listen: admin-listen: other machines could reach 0.0.0.0:1, and without TLS whoever can read the traffic would have the admin token"},
		{map[string]string{"trusted-proxies": "10.0.0.0/8, ::1,192.0.2.7"}, ""},
		{map[string]string{"trusted-proxies": "10.0.0.0/8,x"}, "--trusted-proxies: trusted-proxies: \"10.0.0.0/8,x\" is not accepted"},
	} {
		_, _, err := config.Load(config.Sources{Flags: test.flags})
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%v: %v", test.flags, err)
		case test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)):
			t.Errorf("%v: got %v", test.flags, err)
		}
	}
}

func TestSettingsWithoutEffectAreRefused(t *testing.T) {
	for _, test := range []struct {
		flags map[string]string
		want  string // "" if they are fine
	}{
		{map[string]string{"auth-regions": "us-east-1"}, "--auth-regions: auth-regions: no signature is looked at with auth off"},
		{map[string]string{"auth-clock-skew": "5m"}, "--auth-clock-skew: auth-clock-skew: no signature is looked at with auth off"},
		{map[string]string{"auth-regions": "us-east-1", "auth-clock-skew": "5m", "auth": "enforce"}, ""},
		{map[string]string{"auth-regions": "", "auth-clock-skew": "900s"}, ""}, // the defaults, as config print writes them
		{map[string]string{"queue-url-style": "domain", "domain": "example.org"}, ""},
		{map[string]string{"queue-url-style": "domain", "public-url": "https://q.example"}, "--queue-url-style: queue-url-style: public-url is the start"},
		{map[string]string{"domain": "example.org"}, "--domain: domain: it is in queue URLs of the style domain only"},
		{map[string]string{"admin-listen": "", "admin-token-file": "t"}, "--admin-token-file: admin-token-file: there is no admin interface"},
		{map[string]string{"admin-listen": "", "admin-tls-cert": "c", "admin-tls-key": "k"}, "--admin-tls-cert: admin-tls-cert: there is no admin interface"},
		{map[string]string{"admin-token-file": "t", "admin-tls-cert": "c", "admin-tls-key": "k"}, ""},
		{map[string]string{"audit-log-bytes": "1MiB"}, "--audit-log-bytes: audit-log-bytes: there is no file of an audit log"},
		{map[string]string{"audit-log-files": "3", "audit-log": "stdout"}, "--audit-log-files: audit-log-files: there is no file of an audit log"},
		{map[string]string{"audit-log-bytes": "1MiB", "audit-log-files": "3", "audit-log": "a.jsonl"}, ""},
	} {
		_, _, err := config.Load(config.Sources{Flags: test.flags})
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%v: %v", test.flags, err)
		case test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)):
			t.Errorf("%v: got %v", test.flags, err)
		}
	}
}

func TestConnectionCount(t *testing.T) {
	for _, test := range []struct {
		max   int
		files uint64
		want  int
	}{{0, 1024, 768}, {0, 0, 1}, {0, 1 << 30, 150_000}, {7, 1024, 7}} {
		c := config.Config{MaxConnections: test.max}
		if got := c.ConnectionCount(test.files); got != test.want {
			t.Errorf("max-connections %d, %d files: %d, want %d", test.max, test.files, got, test.want)
		}
	}
}
