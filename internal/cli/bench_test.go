package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/loadgen"
)

// few makes a scenario with a number of messages short, short one with a duration.
var (
	few   = []string{"-c", "3", "--drain-timeout", "1m", "-o", "json"}
	short = append([]string{"--duration", "50ms"}, few...)
)

func TestBenchMeasuresAndChecksEveryScenario(t *testing.T) {
	at, stop := startServer(t, t.TempDir())
	defer stop()
	for protocol, environ := range map[string][]string{
		"json":  nil,
		"query": {"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_REGION=eu-west-1"},
	} {
		t.Run(protocol, func(t *testing.T) {
			hdr := filepath.Join(t.TempDir(), "times.hlog")
			args := []string{"bench", "--endpoint", "http://" + at.API, "--admin", "http://" + at.Admin, "--protocol", protocol, "--attribute", "DelaySeconds=0"}
			for _, part := range []struct{ scenarios, more []string }{
				{[]string{"send", "send-batch", "round-trip", "long-poll", "fan-in"}, short},
				{[]string{"fifo"}, append([]string{"--groups", "5", "--wait", "0s"}, short...)},
				{[]string{"send-batch", "backlog"}, append([]string{"--messages", "205", "--hdr", hdr}, few...)},
				{[]string{"receive-delete"}, append([]string{"--messages", "205"}, short...)},
			} {
				code, stdout, stderr := run(environ, slices.Concat(args, part.scenarios, part.more)...)
				if code != 0 {
					t.Fatalf("exit code %d: %s", code, stderr)
				}
				checkResults(t, stdout, part.scenarios, environ != nil)
			}
			log, err := os.ReadFile(hdr)
			if err != nil || !strings.Contains(string(log), "Tag=backlog.drain.delete,") {
				t.Errorf("histograms: %v\n%s", err, log)
			}
		})
	}
}

// checkResults expects results of these scenarios, with everything received and deleted.
func checkResults(t *testing.T, stdout string, scenarios []string, signed bool) {
	t.Helper()
	var file struct{ Results []*loadgen.Result }
	if err := json.Unmarshal([]byte(stdout), &file); err != nil {
		t.Fatal(err)
	}
	for i, r := range file.Results {
		if r.Scenario != scenarios[i] || r.Signed != signed {
			t.Errorf("result %d is of %s, signed %v", i, r.Scenario, r.Signed)
		}
		c := r.Checks
		if c != (loadgen.Checks{Sent: c.Sent, Received: c.Sent, Deleted: c.Sent}) || c.Sent == 0 || r.Messages > 0 && c.Sent != 205 {
			t.Errorf("%s: %+v", r.Scenario, c)
		}
	}
}

func TestBenchLeavesWhatIsNotItsOwn(t *testing.T) {
	dir := t.TempDir()
	at, stop := startServer(t, dir)
	sendSome(t, at.API, 3)
	callAPI(t, at.API, "SetQueueAttributes", `{"QueueUrl":"http://x/000000000000/q","Attributes":{"VisibilityTimeout":"43200"}}`)
	bench := func(queue string) []string {
		return append([]string{"bench", "send", "--endpoint", "http://" + at.API, "--queue", queue}, short...)
	}
	expect(t, 0, `"foreign": 3`, bench("q")...)
	stop() // and with it the receives that the run has left waiting, which could get messages of the next one
	at, stop = startServer(t, dir)
	defer stop()
	// Now they are in flight, and of its own the first run has left nothing.
	expect(t, 0, `"foreign": 0`, bench("http://x/000000000000/q")...)
}

func TestBenchFindsFaults(t *testing.T) {
	for fault, words := range map[string]string{
		"loses":   "messages were sent and never received … broke a promise",
		"refuses": "SendMessage answered HTTP 500: no … The server is there; its answer or its log says why",
	} {
		t.Run(fault, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch target := r.Header.Get("X-Amz-Target"); {
				case strings.HasSuffix(target, "CreateQueue"):
					_, _ = w.Write([]byte(`{"QueueUrl":"http://x/1/q"}`))
				case fault == "refuses" && strings.HasSuffix(target, "SendMessage"):
					http.Error(w, "no", http.StatusInternalServerError)
				default:
					_, _ = w.Write([]byte("{}"))
				}
			}))
			defer server.Close()
			expect(t, 1, words, append(append([]string{"bench", "send", "--endpoint", server.URL}, short...), "--drain-timeout", "20ms")...)
		})
	}
}

func TestBenchSaysWhatToLookAt(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "NonExistentQueue", http.StatusBadRequest)
	}))
	defer server.Close()
	for args, words := range map[string]string{
		"--admin http://127.0.0.1:1":         "connection refused … --admin is the URL of the admin interface",
		"--server-pid 2147483647":            "no such file … --server-pid is the process of the server",
		"--queue none":                       "GetQueueUrl answered HTTP 400 … Is there a queue none",
		"--queue http://x/000000000000/none": "answered HTTP 400 … Is there a queue http://x/000000000000/none",
		"--unsigned":                         "CreateQueue answered HTTP 400 … The server is there; its answer or its log says why",
		"--endpoint http://127.0.0.1:1 -c 1": "connection refused … Does a server that speaks SQS listen at http://127.0.0.1:1?",
	} {
		expect(t, 1, words, slices.Concat([]string{"bench", "send", "--endpoint", server.URL}, short, strings.Fields(args))...)
	}
}

func TestBenchSetsAttributes(t *testing.T) {
	const policy = `{"Statement":[{"Effect":"Allow"}, "a=b&c"]}`
	for _, protocol := range []string{"json", "query"} {
		t.Run(protocol, func(t *testing.T) {
			got := make(map[string]string)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var in struct{ Attributes map[string]string }
				switch _ = r.ParseForm(); {
				case strings.HasSuffix(r.Header.Get("X-Amz-Target"), "CreateQueue"):
					if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
						t.Error(err)
					}
					got = in.Attributes
				case r.Form.Get("Action") == "CreateQueue":
					for i := 1; r.Form.Has(fmt.Sprintf("Attribute.%d.Name", i)); i++ {
						got[r.Form.Get(fmt.Sprintf("Attribute.%d.Name", i))] = r.Form.Get(fmt.Sprintf("Attribute.%d.Value", i))
					}
				}
				http.Error(w, "no", http.StatusInternalServerError)
			}))
			defer server.Close()
			expect(t, 1, "CreateQueue answered HTTP 500", "bench", "fifo", "--endpoint", server.URL, "--protocol", protocol,
				"--attribute", "VisibilityTimeout=30", "--attribute", "Policy="+policy)
			if diff := cmp.Diff(map[string]string{"VisibilityTimeout": "30", "Policy": policy, "FifoQueue": "true"}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBenchRefusesNonsense(t *testing.T) {
	for words, args := range map[string]string{
		`no scenario "sned"; the nearest is send`:        "sned",
		"size is 3; it can be 36 to 1048576":             "send --size 3",
		"batch is 11":                                    "send-batch --batch 11",
		"over the 1048576 bytes that a batch may have":   "round-trip --size 200000",
		"connections is -1":                              "send -c -1",
		"duration is -1s":                                "send --duration -1s",
		"connections is 0; it must be more than 0":       "send -c 0",
		"warm-up does not go with backlog":               "backlog --warm-up 1s",
		"duration does not go with backlog":              "backlog --duration 1s",
		"duration does not go with send":                 "send --messages 5 --duration 1s",
		"a rate or a warm-up does not go with send":      "send --messages 5 --rate 1",
		"batch does not go with long-poll":               "long-poll --batch 5",
		"groups does not go with send":                   "send --groups 5",
		"ahead does not go with send-batch":              "send-batch --ahead 50",
		"ahead does not go with round-trip at a rate":    "round-trip --ahead 50 --rate 10",
		"connections does not go with send":              "send -c 3 --producers 1 --consumers 2",
		"connections does not go with fan-in":            "fan-in -c 3 --producers 1",
		"connections does not go with send-batch":        "send-batch -c 3 --producers 1 --no-verify",
		"no-verify does not go with fan-in":              "fan-in --no-verify",
		"drain-limit does not go with backlog":           "backlog --drain-limit 1m",
		"consumers or wait does not go with send":        "send --no-verify --consumers 5",
		"drain-timeout does not go with send-batch":      "send-batch --no-verify --drain-timeout 5s",
		"allow-duplicates does not go with send":         "send --no-verify --allow-duplicates",
		"producers is 9; it can be as many as there are": "fifo --producers 9 --groups 8",
		"drain-limit is 1s; it can be the drain-timeout": "send --drain-limit 1s",
		"attributes are of a queue that is made":         "send --queue q --attribute DelaySeconds=5",
		`attribute is "A"; it must be Name=Value`:        "send --attribute A",
		`attribute "FifoQueue" cannot be set here`:       "send --attribute FifoQueue=true",
		"unsigned requests have no keys":                 "send --unsigned --access-key a",
		"region is of signatures":                        "send --region eu-west-1",
		"messages does not go with fifo":                 "fifo --messages 5",
		"rate does not go with receive-delete":           "receive-delete --rate 10",
		"wait is 1.5s":                                   "round-trip --wait 1500ms",
		`protocol is "xml"; it can be json or query`:     "send --protocol xml",
		"an access key without a secret key":             "send --access-key a",
		"a secret key without an access key":             "send --secret-key a",
		`endpoint "x" is not an http:// or https:// URL`: "send --endpoint x",
		"from server-pid or from admin, not from both":   "send --server-pid 1 --admin http://x",
		"-o xml is not a form of output":                 "send -o xml",
		"ahead is 5; it can be a batch (10) and more":    "fifo --ahead 5",
		"accepts 2 arg(s), received 1":                   "compare a",
		"no such file":                                   "compare none.json none.json",
	} {
		expect(t, 2, words, append([]string{"bench"}, strings.Fields(args)...)...)
	}
}

func TestBenchCompare(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, rate, p50 float64, scenario string) string {
		result := loadgen.Result{Scenario: scenario, Phases: []loadgen.Phase{{
			Name: scenario, Rate: rate, Operations: []loadgen.Operation{{Name: "send", P50: p50, P99: 3}}, CPU: loadgen.CPU{ClientPerRequest: 10},
		}}}
		text, err := json.Marshal(map[string]any{"results": []loadgen.Result{result}})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a, b, other := write("a.json", 1000, 2, "send"), write("b.json", 1500, 1, "send"), write("other.json", 1, 1, "fifo")
	out := expect(t, 0, "SCENARIO", "bench", "compare", a, b)
	for _, line := range []string{"send messages_per_second 1000 1500 1.50", "send send.p50_ms 2 1 0.50", "send send.p99_ms 3 3 1.00", "send client_us_per_request 10 10 1.00"} {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), line) {
			t.Errorf("no %q in\n%s", line, out)
		}
	}
	expect(t, 0, `"b_to_a": 1.5`, "bench", "compare", a, b, "-o", "json")
	expect(t, 2, "no scenario in common", "bench", "compare", a, other)
}
