package replica

import "sync"

// queue hands items from any number of goroutines to one that takes all that wait.
// It has no bound of its own: what goes in is bounded by the limit of outstanding
// requests at the sockets.
type queue[T any] struct {
	mu    sync.Mutex
	items []T
	spare []T // the slice taken before the last, to be filled again
	ended bool
	ready chan struct{} // holds a token while items wait or the queue has ended
}

func newQueue[T any]() *queue[T] { return &queue[T]{ready: make(chan struct{}, 1)} }

// put adds items. It returns false when the queue has ended and they were dropped.
func (q *queue[T]) put(items ...T) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended {
		return false
	}
	q.items = append(q.items, items...)
	q.signal()
	return true
}

func (q *queue[T]) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// take returns all that waits. The slice is valid until the next call.
func (q *queue[T]) take() []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	clear(q.spare)
	q.items, q.spare = q.spare[:0], items
	if q.ended {
		q.signal()
	}
	return items
}

// end lets the taker finish: take still returns what waits, put refuses more.
func (q *queue[T]) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	q.signal()
}

// done says whether the queue has ended and is empty.
func (q *queue[T]) done() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.ended && len(q.items) == 0
}

// empty says that nothing waits.
func (q *queue[T]) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) == 0
}

// waits returns how many items wait. ended says that no more can come.
func (q *queue[T]) waits() (n int, ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items), q.ended
}
