// Package config holds the settings of a server and knows how people give them.
//
// Every setting is one row of the table in settings.go: name, default, range, help. From the row come the flag
// (--admin-listen), the environment variable (STAUNCH_ADMIN_LISTEN), the key of the YAML file (admin-listen), the
// checks, and the page docs/configuration.md. Load puts the layers together:
//
//	flags  >  environment  >  file  >  defaults
//
// and remembers for each setting where its value came from. What it does not know or cannot accept is never ignored: Load
// returns an Error that lists all problems at once, each with its place and what would be right.
//
// The package starts nothing and reads nothing but the file it is pointed to. A Config is plain data; the parts of the
// server take small options of their own that internal/server fills from it.
package config

import (
	"log/slog"
	"net/netip"
	"path/filepath"
	"time"
)

// Config is the settings of one server, complete and checked. Load makes it.
type Config struct {
	// Listen is the address of the API and AdminListen that of the admin interface, as host:port; port 0 picks a free
	// one. An empty AdminListen means no admin interface, which has no authentication. It, and the API with AuthOff, is not on
	// other than a loopback address unless InsecureNoAuth is set.
	Listen, AdminListen string

	// AdminTokenFile is the file with the token of the admin interface; see TokenFile.
	AdminTokenFile string

	// TLSCert and TLSKey are files; both are set or neither. TLSClientCA is a file with the CAs of the certificates that clients must show.
	TLSCert, TLSKey, TLSClientCA string
	// The same for the admin interface.
	AdminTLSCert, AdminTLSKey, AdminTLSClientCA string
	// ACMEDomains, if any, get their certificates from a certificate authority; then there is no TLSCert.
	ACMEDomains              []string
	ACMEEmail, ACMEDirectory string

	// TrustedProxies are the peers whose X-Forwarded headers are believed.
	TrustedProxies []netip.Prefix

	// InsecureNoAuth says in words that whoever can connect may do everything.
	InsecureNoAuth bool

	Auth Auth
	// AuthClockSkew is how far the clock of a signer may be off, and AuthRegions what requests may be signed for; empty is any region.
	AuthClockSkew time.Duration
	AuthRegions   []string
	// CredentialsFile is the path of a file of access keys; RootKeyID and RootSecret are an access key of the root of Account. They
	// are empty unless given, and none is without Auth.
	CredentialsFile       string
	RootKeyID, RootSecret string

	// Data is the directory of the journals. It is not used when Journal is MemoryJournal.
	Data    string
	Journal Journal

	// Keyring says where the keys come from that messages are encrypted with, see keyring.Load; empty for the built-in ones.
	Keyring string

	// Shards is how many shards a new data directory gets; 0 leaves it to ShardCount.
	Shards int

	// PublicURL is the start of all queue URLs, without a slash at its end. When it is empty they are made from the
	// host that the caller used.
	PublicURL     string
	QueueURLStyle QueueURLStyle
	Domain        string

	// Region and Account (12 digits) are those of requests that name none.
	Region, Account string

	// RecreateDelay is how long the name of a deleted queue stays taken and PurgeInterval how long a queue cannot be
	// purged again. Zero switches the rule off.
	RecreateDelay, PurgeInterval time.Duration

	// MaxConnections and MaxConnectionsPerAddress limit the connections of the API. Zero is ConnectionCount, and no limit.
	MaxConnections, MaxConnectionsPerAddress int

	// MaxHeaderBytes limits the header of a request, and these how long a client may take: to send the header, to send the body, to take
	// the answer, and to send another request.
	MaxHeaderBytes                                         int64
	HeaderTimeout, BodyTimeout, AnswerTimeout, IdleTimeout time.Duration

	// RateAccount and RateQueue are the requests a second that an account may make and that may be made to a queue; zero is no limit.
	RateAccount, RateQueue int
	FIFOQuota              FIFOQuota

	// AuditLog is where the audit log goes: AuditOff, AuditStdout or the path of a file. AuditMessages has the actions on messages in it.
	// A file that reaches AuditLogBytes is renamed, and AuditLogFiles of those are kept.
	AuditLog      string
	AuditMessages bool
	AuditLogBytes int64
	AuditLogFiles int

	// MaxBodyBytes limits the body of a request.
	MaxBodyBytes int64

	// BodyBufferBytes limits the memory for bodies of requests that are larger than 64 KiB.
	BodyBufferBytes int64

	// AnswerBufferBytes limits the memory for answers with more than 64 KiB of messages.
	AnswerBufferBytes int64

	// MaxWaitingReceives limits the long polls that wait at once, over all shards.
	MaxWaitingReceives int

	// CheckpointBytes is how much journal is written between two checkpoints of a shard.
	CheckpointBytes int64

	// BodyCacheBytes limits the memory for message bodies that are kept, over all shards.
	BodyCacheBytes int64

	// JournalCacheBytes limits the memory for blocks that were read from the journal's files.
	JournalCacheBytes int64

	// PendingBytes limits the requests that have come in and are not decided, over all shards.
	PendingBytes int64

	// CleanRate is how many bytes a second a shard may read and write to copy messages forward; 0 switches that off.
	CleanRate int64

	// DiskReserve is the free space, in bytes, below which nothing new is taken in; below half of it, nothing at all.
	DiskReserve int64

	// MetricsMaxQueues is how many queues have metrics of their own.
	MetricsMaxQueues int

	// ShutdownTimeout is how long a stop may take before it is cut short.
	ShutdownTimeout time.Duration

	LogLevel  slog.Level
	LogFormat LogFormat
}

// Auth says what is asked of who sends a request.
type Auth string

// The ways to ask.
const (
	AuthOff     Auth = "off"     // nothing: who clients say they are is believed
	AuthVerify  Auth = "verify"  // a valid signature, which gives access to the queues of the key's account
	AuthEnforce Auth = "enforce" // what policies allow, too
)

// Journal says where the journals are kept.
type Journal string

// The kinds of journal.
const (
	DiskJournal   Journal = "disk"   // in the data directory; what was answered is on disk
	MemoryJournal Journal = "memory" // nowhere; everything is gone when the process ends
)

// QueueURLStyle says how queue URLs are built.
type QueueURLStyle string

// The styles of queue URLs.
const (
	HostStyle   QueueURLStyle = "host"   // http://{host the caller used}/{account}/{name}
	DomainStyle QueueURLStyle = "domain" // http://sqs.{region}.{domain}:{port}/{account}/{name}
)

// FIFOQuota says which limits of AWS hold for FIFO queues.
type FIFOQuota string

// The quotas of FIFO queues.
const (
	FIFOQuotaOff FIFOQuota = "off" // none
	FIFOQuotaAWS FIFOQuota = "aws" // 300 calls a second of each action, except for queues of high throughput
)

// What AuditLog can be besides a path.
const (
	AuditOff    = "off"
	AuditStdout = "stdout"
)

// LogFormat is how log lines are written.
type LogFormat string

// The formats of log lines.
const (
	TextLog LogFormat = "text" // key=value pairs
	JSONLog LogFormat = "json" // one JSON object a line
)

// Addresses is where a running server listens, with the real ports.
type Addresses struct {
	API   string // host:port
	Admin string // host:port; empty when there is no admin interface

	// RootKeyID and RootSecret are the access key that this start has made for the root of the account, empty if there was one before.
	// Nobody can ask for the secret again.
	RootKeyID, RootSecret string
}

// TokenFile returns the path of the file with the token of the admin interface; "" if there is none, because everything is in memory and
// no file was named.
func (c *Config) TokenFile() string {
	if c.AdminTokenFile == "" && c.Journal == DiskJournal {
		return filepath.Join(c.Data, "admin-token")
	}
	return c.AdminTokenFile
}

// shardsPerCoreMax is how many shards a server makes of itself at most. More cores than this share disks that gain
// nothing from further journals.
const shardsPerCoreMax = 64

// ShardCount returns how many shards a new data directory gets on a machine with this many cores: Shards, or when that is
// 0 one per core, but at most 64.
func (c *Config) ShardCount(cores int) int {
	if c.Shards > 0 {
		return c.Shards
	}
	return min(max(cores, 1), shardsPerCoreMax)
}

// connectionsMax is how many connections there are at most if nothing was said: each takes some 10 KB.
const connectionsMax = 150_000

// ConnectionCount returns how many connections a process that may open this many files takes: MaxConnections, or when that is 0 three
// quarters of the files, because the journals need some too.
func (c *Config) ConnectionCount(files uint64) int {
	if c.MaxConnections > 0 {
		return c.MaxConnections
	}
	return int(max(1, min(files/4*3, connectionsMax)))
}
