package storage

import (
	"context"
	"slices"
	"strings"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
)

const (
	insertWord  = `INSERT INTO user_words (environment_id, user_id, word) VALUES (?, ?, ?)`
	deleteWords = `DELETE FROM user_words WHERE user_id = ? AND environment_id = ?`
)

// saveWords makes the words that the user is found by, which are before, those that she has.
func (s Users) saveWords(ctx context.Context, u *identity.User, before []string) error {
	words := u.Words()
	if slices.Equal(words, before) {
		return nil
	}
	if len(before) > 0 {
		if _, err := s.DB.exec(ctx, deleteWords, string(u.ID), string(u.Environment)); err != nil {
			return err
		}
	}
	for _, word := range words {
		if _, err := s.DB.exec(ctx, insertWord, string(u.Environment), string(u.ID), word); err != nil {
			return err
		}
	}
	return nil
}

// last is after every text that begins as it does.
const last = "\U0010FFFF"

func (s Users) Users(ctx context.Context, env environments.ID, q identity.Query) (page []*identity.User, more bool, err error) {
	// IDs begin with usr_.
	const place = "users.environment_id || users.id"
	after, before, order := string(env), string(env)+"z", place+" DESC"
	switch {
	case q.Older != "":
		before = string(env) + string(q.Older)
	case q.Newer != "":
		after, order = string(env)+string(q.Newer), place
	}
	which := s.DB.conn(ctx).Where(place+" > ? AND "+place+" < ?", after, before)
	switch {
	case strings.HasPrefix(q.Text, "usr_"):
		which = which.Where("users.id = ?", strings.TrimSpace(q.Text))
	case len(q.Words()) > 0:
		const word = `SELECT user_id FROM user_words WHERE word >= ? AND word < ? AND environment_id = ?`
		var args []any
		for _, w := range q.Words() {
			args = append(args, w, w+last, string(env))
		}
		found := word + strings.Repeat(" INTERSECT "+word, len(q.Words())-1)
		which = which.Where("users.id IN ("+found+")", args...)
	}
	if q.Status != "" {
		which = which.Where("users.status = ?", string(q.Status))
	}
	var rows []userRow
	if err := which.Order(order).Limit(q.Limit + 1).Find(&rows).Error; err != nil {
		return nil, false, err
	}
	if more = len(rows) > q.Limit; more {
		rows = rows[:q.Limit]
	}
	if q.Newer != "" {
		slices.Reverse(rows)
	}
	for i := range rows {
		page = append(page, rows[i].user())
	}
	return page, more, nil
}
