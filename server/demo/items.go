package demo

import (
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

const (
	maxPeople = 1000
	maxItems  = 50  // of one person
	maxText   = 280 // characters
)

// item is a note or a task.
type item struct {
	ID   int
	Text string
	Done bool // tasks only
}

// items are everybody's notes or tasks. They live in memory, as long as the demo runs.
type items struct {
	First []item // what a person starts with

	mu       sync.Mutex
	bySub    map[string][]item
	subjects []string // in the order in which they came; the first go when there are too many
	lastID   int
}

// of returns the person's items.
func (l *items) of(subject string) []item {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.welcome(subject)
	return slices.Clone(l.bySub[subject])
}

// welcome gives a new person her first items.
func (l *items) welcome(subject string) {
	if _, ok := l.bySub[subject]; ok {
		return
	}
	if len(l.subjects) >= maxPeople {
		delete(l.bySub, l.subjects[0])
		l.subjects = l.subjects[1:]
	}
	l.subjects = append(l.subjects, subject)
	first := slices.Clone(l.First)
	for i := range first {
		l.lastID++
		first[i].ID = l.lastID
	}
	l.bySub[subject] = first
}

// add puts a new item last. It returns a sentence for the person if it cannot.
func (l *items) add(subject, text string) (refusal string) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	switch n := utf8.RuneCountInString(text); {
	case n == 0:
		return "Write something first."
	case n > maxText:
		return "That is longer than 280 characters. Shorten it a little."
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.welcome(subject)
	if len(l.bySub[subject]) >= maxItems {
		return "That makes more than 50. Remove one first."
	}
	l.lastID++
	l.bySub[subject] = append(l.bySub[subject], item{ID: l.lastID, Text: text})
	return ""
}

// remove takes an item away; an unknown ID changes nothing.
func (l *items) remove(subject string, id int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.welcome(subject)
	l.bySub[subject] = slices.DeleteFunc(l.bySub[subject], func(i item) bool { return i.ID == id })
}

// toggle marks an item done or not; an unknown ID changes nothing.
func (l *items) toggle(subject string, id int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.bySub[subject] {
		if l.bySub[subject][i].ID == id {
			l.bySub[subject][i].Done = !l.bySub[subject][i].Done
		}
	}
}
