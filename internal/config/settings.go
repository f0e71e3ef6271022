package config

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// A Setting is one row of the table of settings.
type Setting struct {
	Name    string   // the flag without its dashes, and the key in the file
	Kind    string   // what the value is: address, duration, size, ...; shown in help as the placeholder
	Default string   // as one would write it
	Range   string   // the values that are accepted, for people
	Help    string   // one sentence, and more where needed
	Words   []string // all values, when they are few words; else nil

	parse  func(c *Config, text string) error
	format func(c *Config) string
	field  func(c *Config) any // the pointer to the field
}

// Settings returns the table of settings, in the order in which they are documented.
func Settings() []Setting { return slices.Clone(settings) }

// Variable returns the name of the environment variable: STAUNCH_ADMIN_LISTEN for admin-listen.
func (s *Setting) Variable() string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_"))
}

// Text returns the value that c has, as one would write it.
func (s *Setting) Text(c *Config) string { return s.format(c) }

// Value returns the value that c has as a bool or an int where it is one, else as Text does.
func (s *Setting) Value(c *Config) any {
	switch field := s.field(c).(type) {
	case *bool:
		return *field
	case *int:
		return *field
	default:
		return s.format(c)
	}
}

// row makes a Setting from a kind of value and the field that holds it.
func row[T any](name, byDefault string, k kind[T], field func(*Config) *T, help string) Setting {
	return Setting{
		Name: name, Kind: k.name, Default: byDefault, Range: k.limits, Help: help, Words: k.words,
		parse: func(c *Config, text string) error {
			value, err := k.parse(text)
			if err == nil {
				*field(c) = value
			}
			return err
		},
		format: func(c *Config) string { return k.format(*field(c)) },
		field:  func(c *Config) any { return field(c) },
	}
}

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// settings is the one list of what can be set.
var settings = []Setting{
	row("listen", "127.0.0.1:9324", address(), func(c *Config) *string { return &c.Listen },
		"Address of the SQS API. Port 0 picks a free one. 0.0.0.0 and [::] are both all addresses of the machine, IPv4 and IPv6. "+
			"Any address that is not loopback needs auth, or insecure-no-auth."),
	row("admin-listen", "127.0.0.1:9325", optional(address()), func(c *Config) *string { return &c.AdminListen },
		"Address of health, readiness, metrics, profiles, backups and identities (accounts, users, keys). Port 0 picks a free one; "+
			"empty switches them off. All but health, readiness and metrics need the admin token. "+
			"Any address that is not loopback needs TLS (admin-tls-cert), or insecure-no-auth."),
	row("admin-token-file", "", optional(text("path")), func(c *Config) *string { return &c.AdminTokenFile },
		"File with the admin token, which backups, profiles, identities and rewraps need. Commands read it, too. "+
			"The server makes it when it does not exist. "+
			"Empty: admin-token in the data directory, or with the journal in memory a token that nobody knows."),
	row("tls-cert", "", optional(filePath()), func(c *Config) *string { return &c.TLSCert },
		"File of the certificate that the API shows, in PEM, with the chain behind it. With it the API speaks HTTPS (TLS 1.2 or later) and nothing else. "+
			"The files of TLS are read again within 5 seconds of a change. docs/operations/hardening.md says more."),
	row("tls-key", "", optional(filePath()), func(c *Config) *string { return &c.TLSKey },
		"File of the private key of tls-cert, in PEM."),
	row("tls-client-ca", "", optional(filePath()), func(c *Config) *string { return &c.TLSClientCA },
		"File of CAs, in PEM. Clients of the API must then show a certificate that one of them has signed."),
	row("admin-tls-cert", "", optional(filePath()), func(c *Config) *string { return &c.AdminTLSCert },
		"File of the certificate that the admin interface shows. It may be that of the API."),
	row("admin-tls-key", "", optional(filePath()), func(c *Config) *string { return &c.AdminTLSKey },
		"File of the private key of admin-tls-cert, in PEM."),
	row("admin-tls-client-ca", "", optional(filePath()), func(c *Config) *string { return &c.AdminTLSClientCA },
		"File of CAs, in PEM. Clients of the admin interface must then show a certificate that one of them has signed."),
	row("acme-domains", "", domainNames(), func(c *Config) *[]string { return &c.ACMEDomains },
		"Domains whose certificates the server gets itself from a certificate authority (ACME), in place of tls-cert, separated by commas. It "+
			"agrees to the authority's terms. The authority connects to port 443 of each domain, which must lead to the API."),
	row("acme-email", "", optional(matching("email", "an address with an @", "[^@ ]+@[^@ ]+")), func(c *Config) *string { return &c.ACMEEmail },
		"Where the certificate authority writes to when something is wrong with a certificate."),
	row("acme-directory", "https://acme-v02.api.letsencrypt.org/directory", webURL(), func(c *Config) *string { return &c.ACMEDirectory },
		"Directory of the certificate authority. The default is Let's Encrypt."),
	row("trusted-proxies", "", networks(), func(c *Config) *[]netip.Prefix { return &c.TrustedProxies },
		"Addresses and networks of proxies, separated by commas. What they say in X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host is "+
			"believed: it decides source addresses, aws:SecureTransport and queue URLs. Nobody else's is."),

	row("insecure-no-auth", "false", boolean(), func(c *Config) *bool { return &c.InsecureNoAuth },
		"Allow addresses that other machines can reach where nobody is asked who they are (listen without auth: "+
			"whoever can connect can read, change and delete everything) or the admin token can be read on its way (admin-listen without TLS)."),

	row("auth", "off", choice(AuthOff, AuthVerify, AuthEnforce), func(c *Config) *Auth { return &c.Auth },
		"Whether requests must be signed. off believes what clients say; verify asks for a valid signature, with which a key may do everything "+
			"in its own account and nothing in others; enforce does what the policies of users, roles and queues say. "+
			"docs/operations/authentication.md and access.md say more."),
	row("credentials-file", "", optional(filePath()), func(c *Config) *string { return &c.CredentialsFile },
		"File of access keys, for auth. It is read again when it changes. An access key of the account's root can come from the "+
			"variables "+rootKeyVariable+" and "+rootSecretVariable+" in its place or beside it."),
	row("auth-clock-skew", "15m", duration(time.Second, 24*time.Hour), func(c *Config) *time.Duration { return &c.AuthClockSkew },
		"How far the clock of a client that signs may be off, with auth. AWS: 15m."),
	row("auth-regions", "", regionNames(), func(c *Config) *[]string { return &c.AuthRegions },
		"Regions that requests may be signed for, with auth, separated by commas. Empty: any."),

	row("data", "./staunch-data", text("path"), func(c *Config) *string { return &c.Data },
		"Directory of the journals. It is made when it does not exist; one server at a time can use it."),
	row("journal", "disk", choice(DiskJournal, MemoryJournal), func(c *Config) *Journal { return &c.Journal },
		"Where changes are kept. On disk every answered change survives a crash; in memory everything ends with the process."),
	row("shards", "0", count(0, 256), func(c *Config) *int { return &c.Shards },
		"Shards of a new data directory. Each writes a journal of its own. "+
			"0 is one per core, at most 64. A directory keeps the number it was made with."),

	row("keyring", "", optional(keyringSource()), func(c *Config) *string { return &c.Keyring },
		"Where the keys come from that messages are encrypted with: file:PATH, env:NAME (an environment variable with the text of such a "+
			"file) or credential:NAME (a systemd credential). A file is read again when it changes. Empty: keys that the server makes itself "+
			"and keeps in the data directory, which protect nothing that is taken together with it; a directory that was used with a keyring "+
			"is refused without it, unless this is built-in. docs/operations/encryption.md says more."),

	row("public-url", "", optional(webURL()), func(c *Config) *string { return &c.PublicURL },
		"Start of all queue URLs, for servers behind a proxy. Empty: the host that the caller used."),
	row("queue-url-style", "host", choice(HostStyle, DomainStyle), func(c *Config) *QueueURLStyle { return &c.QueueURLStyle },
		"Form of queue URLs. host is http://{host the caller used}/{account}/{name}, "+
			"domain is http://sqs.{region}.{domain}/{account}/{name}. All forms are understood in requests."),
	row("domain", "localhost", domainName(), func(c *Config) *string { return &c.Domain },
		"Domain in queue URLs of the style domain."),
	row("region", "us-east-1", regionName(), func(c *Config) *string { return &c.Region },
		"Region of requests that name none."),
	row("account", "000000000000", accountID(), func(c *Config) *string { return &c.Account },
		"Account of requests whose access key id is not itself an account."),

	row("recreate-delay", "60s", duration(0, time.Hour), func(c *Config) *time.Duration { return &c.RecreateDelay },
		"How long after DeleteQueue the name cannot be used again. AWS: 60s. 0 switches the rule off."),
	row("purge-interval", "60s", duration(0, time.Hour), func(c *Config) *time.Duration { return &c.PurgeInterval },
		"How long after PurgeQueue a queue cannot be purged again. AWS: 60s. 0 switches the rule off."),

	row("max-connections", "0", count(0, 10_000_000), func(c *Config) *int { return &c.MaxConnections },
		"Most connections to the API at once. Further ones are closed. 0 is three quarters of the files that the process may open, at most 150000."),
	row("max-connections-per-address", "0", count(0, 10_000_000), func(c *Config) *int { return &c.MaxConnectionsPerAddress },
		"Most connections to the API at once from one address. Further ones are closed. An IPv6 /64 counts as one address. 0 is no limit."),
	row("max-header-bytes", "64KiB", size(4*kib, 1*mib), func(c *Config) *int64 { return &c.MaxHeaderBytes },
		"Largest header of a request, its first line included. A presigned URL is all header."),
	row("header-timeout", "5s", duration(100*time.Millisecond, 10*time.Minute), func(c *Config) *time.Duration { return &c.HeaderTimeout },
		"How long a TLS handshake, and then the header of a request, may take to arrive."),
	row("body-timeout", "60s", duration(100*time.Millisecond, time.Hour), func(c *Config) *time.Duration { return &c.BodyTimeout },
		"How long the body of a request may take to arrive."),
	row("answer-timeout", "30s", duration(100*time.Millisecond, time.Hour), func(c *Config) *time.Duration { return &c.AnswerTimeout },
		"How long a client may take to read an answer. Waiting for messages does not count."),
	row("idle-timeout", "2m", duration(time.Second, 24*time.Hour), func(c *Config) *time.Duration { return &c.IdleTimeout },
		"How long a connection may be without a request. SDKs keep connections for a minute or so, and meet closed ones if this is less."),

	row("rate-account", "0", count(0, 10_000_000), func(c *Config) *int { return &c.RateAccount },
		"Most requests a second by callers of one account. Further ones get RequestThrottled. As many may come at once after a pause. 0 is no limit."),
	row("rate-queue", "0", count(0, 10_000_000), func(c *Config) *int { return &c.RateQueue },
		"Most requests a second to one queue, all actions together. Further ones get RequestThrottled. As many may come at once after a pause. 0 is no limit."),
	row("fifo-quota", "off", choice(FIFOQuotaOff, FIFOQuotaAWS), func(c *Config) *FIFOQuota { return &c.FIFOQuota },
		"Whether the quotas of AWS hold for FIFO queues. aws is 300 calls a second each of sends, receives and deletes to a queue, "+
			"batches counting as one, unless its FifoThroughputLimit is perMessageGroupId. Further ones get RequestThrottled."),

	row("audit-log", AuditOff, matching("place", "off, stdout or a path", ".+"), func(c *Config) *string { return &c.AuditLog },
		"Where the audit log goes, one JSON object a line: off, stdout or the path of a file. It has who did what from where for every action but those "+
			"on messages, and every denied request. SIGHUP opens the file again. docs/operations/audit.md says more."),
	row("audit-messages", "false", boolean(), func(c *Config) *bool { return &c.AuditMessages },
		"Have the actions on messages (send, receive, delete, change of visibility) in the audit log, too; never what is in the messages."),
	row("audit-log-bytes", "100MiB", wholeSize(1*mib, 1*mib, 16*gib), func(c *Config) *int64 { return &c.AuditLogBytes },
		"Size at which the file of the audit log is renamed and a new one begun."),
	row("audit-log-files", "10", count(1, 10_000), func(c *Config) *int { return &c.AuditLogFiles },
		"How many renamed files of the audit log are kept. Older ones are deleted."),

	row("max-body-bytes", "16MiB", size(1*mib, 256*mib), func(c *Config) *int64 { return &c.MaxBodyBytes },
		"Largest body of a request. A batch of 1 MiB "+
			"can be several times that on the wire, because the protocols escape what they carry."),
	row("body-buffer-bytes", "512MiB", size(2*mib, 1024*gib), func(c *Config) *int64 { return &c.BodyBufferBytes },
		"Memory for bodies of requests larger than 64 KiB, from their first byte until the request is decoded, over all connections. Further ones get "+
			"ServiceUnavailable. It must be twice max-body-bytes or more."),
	row("answer-buffer-bytes", "256MiB", size(128*mib, 1024*gib), func(c *Config) *int64 { return &c.AnswerBufferBytes },
		"Memory for answers with more than 64 KiB of messages (Query: 32 KiB), from when the messages are read until the client has the answer, over all "+
			"connections. When it is short, receives from queues with messages of such sizes get fewer messages, or are throttled and "+
			"leave the messages where they are."),
	row("max-waiting-receives", "100000", count(1, 10_000_000), func(c *Config) *int { return &c.MaxWaitingReceives },
		"Most long polls that wait at once, shared out evenly among the shards: a queue lies on one shard, so those of one queue can be at most "+
			"this many divided by the shards. Further ones are throttled."),

	row("checkpoint-bytes", "64MiB", size(64*kib, 16*gib), func(c *Config) *int64 { return &c.CheckpointBytes },
		"Journal written by a shard between two checkpoints. Less makes restarts shorter and writes more."),
	row("body-cache-bytes", "64MiB", size(1*mib, 1024*gib), func(c *Config) *int64 { return &c.BodyCacheBytes },
		"Memory for message bodies, over all shards. Bodies outside it are read from the journal."),
	row("journal-cache-bytes", "64MiB", size(1*mib, 1024*gib), func(c *Config) *int64 { return &c.JournalCacheBytes },
		"Memory for blocks that were read from the files of the data directory. It helps when bodies are read that are not in memory any more."),
	row("pending-bytes", "64MiB", size(1*mib, 1024*gib), func(c *Config) *int64 { return &c.PendingBytes },
		"Memory for requests that have come in and wait for their shard, over all shards. Further ones are throttled."),
	row("clean-rate", "32MiB", size(0, 16*gib), func(c *Config) *int64 { return &c.CleanRate },
		"Bytes a second that a shard may read and write to copy messages forward that stay long, so that the journal before them can be "+
			"removed. It begins when less than half of the journal is live. 0 switches it off: then the journal is kept from the oldest message on."),
	row("disk-reserve", "512MiB", size(32*mib, 1024*gib), func(c *Config) *int64 { return &c.DiskReserve },
		"Free space on the disk of the data directory below which nothing new is taken in: sends are refused. Receives and deletes go "+
			"on until half of it is left. docs/operations/disk-full.md says more."),
	row("metrics-max-queues", "1000", count(0, 100_000), func(c *Config) *int { return &c.MetricsMaxQueues },
		`Most queues with metrics of their own. The rest are summed under queue="_other".`),
	row("shutdown-timeout", "10s", duration(time.Second, 10*time.Minute), func(c *Config) *time.Duration { return &c.ShutdownTimeout },
		"How long a stop may take. Waiting receives are answered empty and commits are finished before the process ends."),

	row("log-level", "info", logLevel(), levelField,
		"Least important log lines that are written."),
	row("log-format", "text", choice(TextLog, JSONLog), func(c *Config) *LogFormat { return &c.LogFormat },
		"Form of log lines. text is key=value pairs, json is one object a line."),
}
