package client

// Adopt makes the session of another client this one's, for tests from outside: the server
// that they run imports this package.
func (c *Client) Adopt(other *Client) {
	other.mu.Lock()
	id, password := other.session, other.password
	other.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session, c.password = id, password
}
