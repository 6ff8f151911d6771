// Package recovery makes the data of one member the beginning of an ensemble, when a
// majority of the old one is lost for good.
//
// [New] looks and promises nothing; [Plan.Losses] says what may be lost; [Plan.Apply] does
// it, in an order in which it can be repeated after a crash:
//
//	zoo.cfg, or its dynamic file    the new members, with a version above all before
//	acceptedEpoch, currentEpoch     above all that the lost members can have seen
//
// An election goes to the highest current epoch before it looks at histories. A lost member
// that comes back with its old data, even with a longer history, follows therefore, and its
// history is cut to that of the others.
//
// No server may run on the directory meanwhile.
package recovery

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"gokeeper/server/config"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/storage"
	"gokeeper/server/txn"
	"gokeeper/server/vfs"
)

// EpochStep is how far the epoch goes up: so many elections, and one less, may the lost
// members have seen that this one has not.
const EpochStep = 100

// Errors of planning.
var (
	// ErrMembers says that the new members cannot be an ensemble of this server.
	ErrMembers = errors.New("these members cannot be")
	// ErrData says that a server would not start with the data.
	ErrData = errors.New("the data cannot be used")
)

// Plan is what is to be done.
type Plan struct {
	Config  config.Config // as it is now
	Members quorum.Config // as it will be
	Epoch   int64         // accepted and current, as they will be
	Last    proto.Zxid    // the end of the history
	When    time.Time     // of the last transaction; zero if it is not known
	was     storage.Epochs
	changed bool // the members differ from those in the files
}

// New looks at the data of the server and makes a plan. lines are the new members as in
// zoo.cfg (server.N=…, group…, weight…); none are this server alone. Nothing is changed.
func New(fsys vfs.FS, cfg config.Config, lines []string) (*Plan, error) {
	p := &Plan{Config: cfg}
	if cfg.File == "" || cfg.MyID == config.NoID || len(cfg.Servers.Members) == 0 {
		return nil, fmt.Errorf("%w: name the zoo.cfg of a member of an ensemble, with its server lines and its myid", ErrMembers)
	}
	if err := p.members(lines); err != nil {
		return nil, err
	}
	in, err := storage.Inspect(fsys, directories(&cfg), nil)
	if err != nil {
		return nil, err
	}
	if in.Recovered == nil || in.Recovered.LastZxid <= 0 || in.Worst() == storage.Damage {
		return nil, fmt.Errorf("%w: see `gokeeper data check %s`; restore a backup, or take the data of another member", ErrData, cfg.DataDir)
	}
	p.Last = in.Recovered.LastZxid
	if n := len(in.Recovered.Recent); n > 0 {
		if h, err := txn.DecodeHeader(in.Recovered.Recent[n-1].Raw); err == nil {
			p.When = time.UnixMilli(h.Time)
		}
	}
	p.was = storage.Epochs{Accepted: p.Last.Epoch(), Current: p.Last.Epoch()}
	if in.Epochs != nil {
		p.was = *in.Epochs
	}
	p.Epoch = max(p.was.Accepted, p.was.Current, p.Last.Epoch(), cfg.Servers.Version>>32) + EpochStep
	p.Members = p.Members.WithVersion(p.Epoch << 32)
	return p, nil
}

func directories(cfg *config.Config) storage.Options {
	return storage.Options{DataDir: cfg.DataDir, LogDir: cfg.DataLogDir, NoDBAutoCreate: true, Owner: "gokeeper recover"}
}

// members reads the lines.
func (p *Plan) members(lines []string) error {
	own, ok := p.Config.Servers.Member(p.Config.MyID)
	if !ok {
		return fmt.Errorf("%w: server.%v, which myid names, is not in %s", ErrMembers, p.Config.MyID, p.Config.File)
	}
	if len(lines) == 0 {
		own.Role = quorum.Participant
		lines = []string{fmt.Sprintf("server.%v=%v", own.ID, own)}
	}
	c, err := quorum.Parse(strings.Join(lines, "\n"))
	if err != nil {
		return fmt.Errorf("%w: %w: write them as in zoo.cfg", ErrMembers, err)
	}
	if !c.IsVoter(p.Config.MyID) {
		return fmt.Errorf("%w: server.%v, whose data it is, must be a participant", ErrMembers, p.Config.MyID)
	}
	p.Members, p.changed = c, !c.SameMembers(p.Config.Servers)
	return nil
}

// Voices returns how many of the other voters must vote for this server.
func (p *Plan) Voices() int { return len(p.Members.Voters()) / 2 }

// Losses says what the operator must know before it is done, a line each.
func (p *Plan) Losses() []string {
	end := fmt.Sprintf("The data of server.%v ends with %v", p.Config.MyID, p.Last)
	if !p.When.IsZero() {
		end += ", written " + p.When.Format(time.RFC3339)
	}
	return []string{
		end + fmt.Sprintf("; its current epoch is %d, it has accepted epoch %d.", p.was.Current, p.was.Accepted),
		"What the other members have acknowledged after that is lost, also where clients were told that it is done.",
		"What stands at its end without having been acknowledged becomes part of the history.",
		"If another member has survived, compare (gokeeper data check): the right one has the highest current epoch, and of these the highest transaction.",
		"The members that are left out, and those that come back, must not start with their old configuration: enough of them would be the old ensemble again, beside the new one.",
	}
}

// Steps says what the operator has to do afterwards, a line each.
func (p *Plan) Steps() []string {
	steps := []string{fmt.Sprintf("Start server.%v.", p.Config.MyID)}
	if len(p.Members.Members) == 1 {
		return append(steps, "It serves alone. More members can be added with reconfig if reconfigEnabled=true, otherwise by a recover that names them.")
	}
	steps[0] = fmt.Sprintf("Give all other members the same server lines, then start server.%v and them.", p.Config.MyID)
	if n := p.Voices(); n > 0 {
		steps = append(steps, fmt.Sprintf("Others with an empty data directory do not vote. This server needs %d others that do: put an empty file named initialize "+
			"beside the myid of as many of these as are missing, and of no more: more could begin an empty ensemble without it.", n))
	}
	return steps
}

// Apply does it. The configuration file is kept beside itself as it was.
func (p *Plan) Apply(fsys vfs.FS) error {
	d, err := storage.Open(fsys, directories(&p.Config))
	if err != nil {
		return err
	}
	if p.changed || p.dynamic() {
		err = p.configure(fsys)
	}
	if err == nil {
		err = d.SetAcceptedEpoch(p.Epoch)
	}
	if err == nil {
		err = d.SetCurrentEpoch(p.Epoch)
	}
	return errors.Join(err, d.Close())
}

// dynamic says whether the members are, or will be, in a file of their own.
func (p *Plan) dynamic() bool { return p.Config.DynamicFile != "" || p.Config.ReconfigEnabled }

// configure writes the new members where the server reads them.
func (p *Plan) configure(fsys vfs.FS) error {
	file := p.Config.File
	static, err := vfs.ReadFile(fsys, file)
	if err == nil {
		err = vfs.WriteFile(fsys, file+".before-recover", static)
	}
	if err != nil {
		return fmt.Errorf("keep the configuration file: %w", err)
	}
	if !p.dynamic() {
		const here = "."
		text := strings.TrimSuffix(string(config.Rewrite(static, here, false)), "dynamicConfigFile="+here+"\n")
		return vfs.WriteFile(fsys, file, []byte(text+strings.Join(p.Members.Lines(), "\n")+"\n"))
	}
	dynamic, err := filepath.Abs(config.DynamicName(file, p.Members.Version))
	if err != nil {
		return fmt.Errorf("name the dynamic file: %w", err)
	}
	if err := vfs.WriteFile(fsys, dynamic, config.DynamicText(p.Members, false)); err != nil {
		return fmt.Errorf("write the members: %w", err)
	}
	if err := p.forgetNext(fsys); err != nil {
		return err
	}
	own, _ := p.Members.Member(p.Config.MyID)
	return vfs.WriteFile(fsys, file, config.Rewrite(static, filepath.ToSlash(dynamic), !own.Client.IsZero()))
}

// forgetNext moves aside what was proposed last: its members are gone.
func (p *Plan) forgetNext(fsys vfs.FS) error {
	next := config.NextName(p.Config.File)
	if _, err := fsys.Stat(next); err != nil {
		return nil // there is none
	}
	if err := fsys.Rename(next, next+".before-recover"); err != nil {
		return fmt.Errorf("move the proposed configuration aside: %w", err)
	}
	return nil
}
