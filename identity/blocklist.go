package identity

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"sort"
	"strings"
	"sync"
)

// blocklistFile has 17,950 commonly used passwords: those of 8 characters and more in the list passwords-common of the npm
// package @zxcvbn-ts/language-common 4.1.3, in lower case, in the order of bytes, one a line. blocklist/LICENSE.txt is its
// licence.
//
//go:embed blocklist/passwords.txt.gz
var blocklistFile []byte

// blocklist has the passwords by their length, one after the other without anything between them.
var blocklist = sync.OnceValue(func() map[int]string {
	zr, err := gzip.NewReader(bytes.NewReader(blocklistFile))
	if err != nil {
		panic(err) // embedded, so this cannot differ between two runs
	}
	lists := map[int]*strings.Builder{}
	lines := bufio.NewScanner(zr)
	for lines.Scan() {
		password := lines.Text()
		list := lists[len(password)]
		if list == nil {
			list = &strings.Builder{}
			lists[len(password)] = list
		}
		list.WriteString(password)
	}
	if err := lines.Err(); err != nil {
		panic(err)
	}
	all := make(map[int]string, len(lists))
	for length, list := range lists {
		all[length] = list.String()
	}
	return all
})

// commonlyUsed reports whether the password, in whatever case, is in the blocklist.
func commonlyUsed(password string) bool {
	password = strings.ToLower(password)
	length := len(password)
	list := blocklist()[length]
	if list == "" {
		return false
	}
	_, found := sort.Find(len(list)/length, func(i int) int {
		return strings.Compare(password, list[i*length:(i+1)*length])
	})
	return found
}
