package storage_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/storage"
	"github.com/portico-id/portico/storage/storagetest"
)

// subscribe returns what db tells, and waits until it tells what others do.
func subscribe(t *testing.T, db *storage.DB) <-chan storage.Change {
	t.Helper()
	told := make(chan storage.Change, 1000)
	t.Cleanup(db.Changes(func(c storage.Change) { told <- c }))
	await(t, told, storage.Change{})
	for !db.Coherent() {
		runtime.Gosched()
	}
	return told
}

// await reads until want is told.
func await(t *testing.T, told <-chan storage.Change, want storage.Change) {
	t.Helper()
	limit := time.After(10 * time.Second)
	for {
		select {
		case got := <-told:
			if got == want {
				return
			}
		case <-limit:
			t.Fatalf("%v was not told", want)
		}
	}
}

func TestChangesHere(t *testing.T) {
	each(t, func(t *testing.T, db *storage.DB) {
		told := subscribe(t, db)
		notify := func(ctx context.Context, topic, payload string) {
			if err := db.Notify(ctx, topic, payload); err != nil {
				t.Error(err)
			}
		}
		db.InTx(t.Context(), func(ctx context.Context) error {
			notify(ctx, "keys", "undone")
			return errRefused
		})
		err := db.InTx(t.Context(), func(ctx context.Context) error {
			notify(ctx, "keys", "first")
			if len(told) > 0 {
				t.Errorf("told %v before the commit", <-told)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(told) == 0 {
			t.Fatal("not told when InTx returned")
		}
		notify(t.Context(), "application", "app_1 with spaces")
		want := []storage.Change{{Topic: "keys", Payload: "first"}, {Topic: "application", Payload: "app_1 with spaces"}}
		if diff := cmp.Diff(want, []storage.Change{<-told, <-told}); diff != "" {
			t.Errorf("changes (-want +got):\n%s", diff)
		}
		if err := db.Notify(t.Context(), "two words", ""); err == nil {
			t.Error("a topic with a space was taken")
		}
		if err := db.Notify(t.Context(), "long", strings.Repeat("x", 7000)); err == nil {
			t.Error("a payload of 7000 bytes was taken")
		}
	})
}

func TestChangesElsewhere(t *testing.T) {
	storagetest.EachURL(t, func(t *testing.T, url string) {
		here, there := storagetest.Open(t, url), storagetest.Open(t, url)
		makeTable(t, here)
		own, told := subscribe(t, here), subscribe(t, there)
		for len(own) > 0 {
			<-own
		}
		err := here.InTx(t.Context(), func(ctx context.Context) error {
			mustExec(t, ctx, here, insertThing, "a")
			return here.Notify(ctx, "application", "app_1")
		})
		if err != nil {
			t.Fatal(err)
		}
		want := storage.Change{Topic: "application", Payload: "app_1"}
		await(t, own, want)
		if here.Dialect() == storage.SQLite {
			want = storage.Change{}
		}
		await(t, told, want)
		wantThings(t, there, "a")

		// The node doesn't hear itself: what the other says next is what comes next.
		mustExec(t, t.Context(), there, insertThing, "b")
		if err := there.Notify(t.Context(), "application", "app_2"); err != nil {
			t.Fatal(err)
		}
		want.Payload = strings.Replace(want.Payload, "1", "2", 1)
		if got := <-own; got != want {
			t.Errorf("told %v, want %v", got, want)
		}
	})
}

// Commits of this process alone don't look like another's.
func TestChangesQuiet(t *testing.T) {
	db := storagetest.Open(t, storagetest.SQLiteURL(t))
	makeTable(t, db)
	told := subscribe(t, db)
	for end := time.Now().Add(200 * time.Millisecond); time.Now().Before(end); {
		mustExec(t, t.Context(), db, `INSERT INTO things (id) VALUES (hex(randomblob(8)))`)
	}
	if n := len(told); n > 0 {
		t.Errorf("told %d changes of others", n)
	}
}

// A lost connection and a restart of the server: subscribers know that they can't rely on being
// told, and that they can again.
func TestChangesLost(t *testing.T) {
	cluster := newCluster(t, false)
	db := storagetest.Open(t, cluster.Database(t))
	told := subscribe(t, db)
	if err := cluster.Stop(); err != nil {
		t.Fatal(err)
	}
	await(t, told, storage.Change{})
	if db.Coherent() {
		t.Error("coherent without a server")
	}
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, told, storage.Change{})
	for !db.Coherent() {
		runtime.Gosched()
	}
	if err := db.Notify(t.Context(), "keys", "k"); err != nil {
		t.Fatal(err)
	}
	await(t, told, storage.Change{Topic: "keys", Payload: "k"})
}
