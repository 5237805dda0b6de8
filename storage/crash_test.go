package storage_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

func newCluster(t *testing.T, durable bool) *storagetest.Cluster {
	t.Helper()
	cluster, err := storagetest.NewCluster(durable)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Close(); err != nil {
			t.Error(err)
		}
	})
	return cluster
}

// crashVariable makes TestCrash, in another process, the one that is killed.
const crashVariable = "PORTICO_TEST_CRASH"

// Acceptance 85: a process killed under load has lost nothing that it acknowledged. A change is two
// rows, of which never one is without the other.
func TestCrash(t *testing.T) {
	if url := os.Getenv(crashVariable); url != "" {
		writeUntilKilled(t, url)
		return
	}
	for round := range 3 {
		url := storagetest.SQLiteURL(t)
		makeTable(t, storagetest.Open(t, url))
		process := exec.Command(os.Args[0], "-test.run=^TestCrash$")
		process.Env = append(os.Environ(), crashVariable+"="+url)
		out, err := process.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := process.Start(); err != nil {
			t.Fatal(err)
		}
		var acknowledged []string
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				break // a line that was not finished is no acknowledgement
			}
			acknowledged = append(acknowledged, strings.TrimSpace(line))
			if len(acknowledged) == 200*(round+1) {
				process.Process.Kill()
			}
		}
		process.Wait()
		checkAcknowledged(t, storagetest.Open(t, url), acknowledged)
	}
}

func writeUntilKilled(t *testing.T, url string) {
	db := storagetest.Open(t, url)
	for i := range 16 {
		go func() {
			for j := 0; ; j++ {
				id := fmt.Sprint(i, ".", j)
				if err := writeTwo(t.Context(), db, id); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				io.WriteString(os.Stdout, id+"\n")
			}
		}()
	}
	select {}
}

func writeTwo(ctx context.Context, db *storage.DB, id string) error {
	return db.InTx(ctx, func(ctx context.Context) error {
		_, err := db.Exec(ctx, insertThing, id)
		if err == nil {
			_, err = db.Exec(ctx, insertThing, id+" too")
		}
		return err
	})
}

func checkAcknowledged(t *testing.T, db *storage.DB, acknowledged []string) {
	t.Helper()
	have := map[string]bool{}
	for _, id := range things(t, context.Background(), db) {
		have[id] = true
	}
	for id := range have {
		if other := strings.TrimSuffix(id, " too"); !have[other] || !have[other+" too"] {
			t.Errorf("there is %q without the other", id)
		}
	}
	for _, id := range acknowledged {
		if !have[id] {
			t.Errorf("%q was acknowledged and is lost", id)
		}
	}
	if len(acknowledged) < 100 {
		t.Errorf("only %d were acknowledged", len(acknowledged))
	}
}

// The same when it is PostgreSQL that is killed. The DB goes on with the server when that is back.
func TestCrashOfServer(t *testing.T) {
	cluster := newCluster(t, true)
	db := storagetest.Open(t, cluster.Database(t))
	makeTable(t, db)
	var acknowledged []string
	for round := range 2 {
		var mu sync.Mutex
		var count atomic.Int32
		var wg sync.WaitGroup
		enough := make(chan struct{})
		for i := range 16 {
			wg.Go(func() {
				for j := 0; ; j++ {
					id := fmt.Sprint(round, ".", i, ".", j)
					if writeTwo(t.Context(), db, id) != nil {
						return // it may be there or not
					}
					mu.Lock()
					acknowledged = append(acknowledged, id)
					mu.Unlock()
					if count.Add(1) == 200 {
						close(enough)
					}
				}
			})
		}
		<-enough
		if err := cluster.Kill(); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		if err := db.Ping(t.Context()); err == nil {
			t.Error("Ping succeeded without a server")
		}
		if err := cluster.Start(); err != nil {
			t.Fatal(err)
		}
		if err := recovered(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		checkAcknowledged(t, db, acknowledged)
	}
}

// recovered uses up the connections that were lost; each is a failed request.
func recovered(ctx context.Context, db *storage.DB) (err error) {
	for range 20 {
		var one int
		if err = db.QueryRow(ctx, "SELECT 1").Scan(&one); err == nil {
			return nil
		}
	}
	return errors.Join(errors.New("the database didn't come back"), err)
}
