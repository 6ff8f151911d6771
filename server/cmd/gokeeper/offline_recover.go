package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gokeeper/server/config"
	"gokeeper/server/recovery"
	"gokeeper/server/storage"
	"gokeeper/server/vfs"
)

func (c *control) recoverCommand() *cobra.Command {
	var members []string
	var yes bool
	cmd := &cobra.Command{
		Use: "recover [zoo.cfg] [--member LINE]... --yes", Short: "make the data of this member an ensemble, when the majority is lost for good", Args: cobra.MaximumNArgs(1),
		Long: `For an ensemble that has lost the majority of its voters for good, so that it cannot elect a
leader any more. Makes the data of this member the beginning of a new ensemble: of the
members that are named by --member, as server lines of zoo.cfg, or of this one alone.

Before you do it: what the lost members had acknowledged and this one lacks is lost. Bring
one of them back if there is any way; of several survivors take the one with the highest
current epoch and transaction, which ` + "`gokeeper data check`" + ` tells. Stop all of them. Make a
copy of the data directory, or a ` + "`gokeeper backup`" + `.

What it does: writes the members into zoo.cfg, or into a new dynamic file where the
configuration is dynamic, and keeps zoo.cfg as zoo.cfg.before-recover; then raises
acceptedEpoch and currentEpoch by ` + fmt.Sprint(recovery.EpochStep) + `, so that this member is elected, and a lost member that comes
back with its old data follows. Logs and snapshots stay as they are. Without --yes it only
says what may be lost and what would be done.

Afterwards: give all members the same server lines, and start them. Those with an empty data
directory are brought up by the leader; so many of them as it takes to elect it need an
empty file named initialize beside myid, which the command counts for you.

Exit codes: 0 done, 1 not done, 2 wrong arguments.`,
		Example: `  gokeeper recover zoo.cfg --yes
  gokeeper recover zoo.cfg --yes --member server.1=a:2888:3888 --member server.4=d:2888:3888 --member server.5=e:2888:3888`,
		RunE: func(_ *cobra.Command, args []string) error { return c.recover(args, members, yes) },
	}
	cmd.Flags().StringArrayVar(&members, "member", nil, "server line of a member; this one must be among them")
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	return cmd
}

func (c *control) recover(args, members []string, yes bool) error {
	s := c.read(args)
	if code := config.ExitCode(s.complaints); code != 0 {
		printErrors(c.stderr, s.complaints)
		return exitCode(code)
	}
	plan, err := recovery.New(vfs.OS(), s.Config, members)
	if errors.Is(err, recovery.ErrMembers) {
		return exitError{2, err}
	}
	if err != nil {
		return exitError{1, err}
	}
	for _, line := range plan.Losses() {
		fmt.Fprintln(c.stdout, "! "+line)
	}
	fmt.Fprintf(c.stdout, "Its epoch becomes %d, and the members:\n", plan.Epoch)
	for _, line := range plan.Members.Lines() {
		fmt.Fprintln(c.stdout, "  "+line)
	}
	if !yes {
		return exitError{1, errors.New("nothing was changed: call it again with --yes to do it")}
	}
	err = plan.Apply(vfs.OS())
	if errors.Is(err, storage.ErrInUse) {
		return exitError{1, fmt.Errorf("nothing was changed: %w", err)}
	}
	if err != nil {
		return exitError{1, fmt.Errorf("%w: mend that and call it again", err)}
	}
	fmt.Fprintln(c.stdout, "It is done.")
	for _, line := range plan.Steps() {
		fmt.Fprintln(c.stdout, "> "+line)
	}
	return nil
}
