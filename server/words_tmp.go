package server

type tmpWords struct{}

func (tmpWords) Run(word string, _ []byte) []byte {
	switch word {
	case "ruok":
		return []byte("imok")
	case "isro":
		return []byte("rw")
	}
	return []byte("Zookeeper version: 3.9.6-x, built on 2026-10-16 16:58 UTC\nMode: standalone\n")
}
