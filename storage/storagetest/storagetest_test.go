package storagetest_test

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

func TestEach(t *testing.T) {
	var dialects []string
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		dialects = append(dialects, db.Dialect())
		if plan, err := db.Plan(t.Context()); err != nil || len(plan) > 0 {
			t.Errorf("not migrated: %v, %v", plan, err)
		}
	})
	if got := strings.Join(dialects, " "); got != "sqlite postgres" {
		t.Errorf("Each ran on %q, want sqlite postgres", got)
	}
}

// Databases of one test don't share anything.
func TestIsolation(t *testing.T) {
	for _, url := range []func(testing.TB) string{storagetest.SQLiteURL, storagetest.PostgresURL} {
		if one, other := url(t), url(t); one == other {
			t.Errorf("%s was given twice", one)
		}
	}
}

func TestClusterRestarts(t *testing.T) {
	c, err := storagetest.NewCluster(true)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	run := func(q string) {
		t.Helper()
		conn, err := pgx.Connect(t.Context(), c.URL("postgres"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		if _, err := conn.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	run("CREATE TABLE kept (id INT)")
	for _, end := range []func() error{c.Stop, c.Kill} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if conn, err := pgx.Connect(t.Context(), c.URL("postgres")); err == nil {
			conn.Close(t.Context())
			t.Error("it answers though it was ended")
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		run("INSERT INTO kept VALUES (1)")
	}
}

// startVariable makes TestClusterEndsWithProcess, in another process, the one that is killed.
const startVariable = "PORTICO_TEST_START_CLUSTER"

func TestClusterEndsWithProcess(t *testing.T) {
	if os.Getenv(startVariable) != "" {
		c, err := storagetest.NewCluster(false)
		if err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString(c.URL("postgres") + "\n")
		select {}
	}
	process := exec.Command(os.Args[0], "-test.run=^TestClusterEndsWithProcess$")
	process.Env = append(os.Environ(), startVariable+"=1")
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	defer process.Process.Kill()
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), strings.TrimSpace(url))
	if err != nil {
		t.Fatal(err)
	}
	var data string
	if err := conn.QueryRow(t.Context(), "SHOW data_directory").Scan(&data); err != nil {
		t.Fatal(err)
	}
	process.Process.Kill()
	process.Wait()
	for limit := time.Now().Add(time.Minute); ; runtime.Gosched() {
		if _, err := os.Stat(filepath.Dir(data)); errors.Is(err, fs.ErrNotExist) {
			break
		}
		if time.Now().After(limit) {
			t.Fatalf("%s is still there", data)
		}
	}
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("the server outlived the process that started it")
	}
}
