package metrics

import "strings"

// counterNames are the names of Java's counters without labels.
const counterNames = `
add_dead_watcher_stall_time bytes_received_count cnxn_closed_without_zk_server_running
commit_count connection_drop_count connection_rejected connection_request_count
connection_revalidate_count dead_watchers_cleared dead_watchers_queued diff_count
digest_mismatches_count ensemble_auth_fail ensemble_auth_skip ensemble_auth_success
insecure_admin_count large_requests_rejected learner_commit_received_count
learner_proposal_received_count looking_count outstanding_changes_queued
outstanding_changes_removed prep_processor_request_queued proposal_count
quit_leading_due_to_disloyal_voter request_commit_queued request_throttle_wait_count
requests_not_forwarded_to_commit_processor response_bytes response_packet_cache_hits
response_packet_cache_misses response_packet_get_children_cache_hits
response_packet_get_children_cache_misses restore_error_count restore_rate_limited_count
revalidate_count sessionless_connections_expired skip_learner_request_to_next_processor_count
snap_count snapshot_error_count snapshot_rate_limited_count stale_replies stale_requests
stale_requests_dropped stale_sessions_expired sync_processor_request_queued throttled_ops
tls_handshake_exceeded unrecoverable_error_count unsuccessful_handshake watch_bytes
`

// basicNames are those of its summaries without labels that have the median only.
const basicNames = `
commit_commit_proc_req_queued commit_process_time
concurrent_request_processing_in_commit_processor connection_token_deficit dbinittime
election_time follower_sync_time fsynctime inflight_diff_count inflight_snap_count
leader_unavailable_time learner_request_processor_queue_size netty_queued_buffer_capacity
node_changed_watch_count node_children_watch_count node_created_watch_count
node_deleted_watch_count observer_sync_time pending_session_queue_size prep_process_time
prep_processor_queue_size proposal_process_time read_commit_proc_issued
read_commit_proc_req_queued reads_after_write_in_session_queue reads_issued_from_session_queue
requests_in_session_queue restore_time session_queues_drained snapshottime socket_closing_time
startup_snap_load_time startup_txns_load_time startup_txns_loaded sync_process_time
sync_processor_batch_size sync_processor_queue_size
time_waiting_empty_pool_in_commit_processor_read_ms unavailable_time
write_batch_time_in_commit_processor write_commit_proc_issued write_commit_proc_req_queued
`

// advancedNames are those of its summaries without labels that have more quantiles.
const advancedNames = `
close_session_prep_time commit_propagation_latency dead_watchers_cleaner_latency
jvm_pause_time_ms local_write_committed_time_ms om_commit_process_time_ms
om_proposal_process_time_ms prep_processor_queue_time_ms propagation_latency
proposal_ack_creation_latency proposal_latency quorum_ack_latency read_commitproc_time_ms
read_final_proc_time_ms readlatency request_throttle_queue_time_ms
server_write_committed_time_ms sync_processor_queue_and_flush_time_ms
sync_processor_queue_flush_time_ms sync_processor_queue_time_ms updatelatency
write_commitproc_time_ms write_final_proc_time_ms
`

// countersByName says which field is the counter of a name.
func (s *Set) countersByName() map[string]**Counter {
	return map[string]**Counter{
		"stale_sessions_expired":          &s.StaleSessions,
		"watch_bytes":                     &s.WatchBytes,
		"prep_processor_request_queued":   &s.PrepQueued,
		"outstanding_changes_queued":      &s.ChangesQueued,
		"outstanding_changes_removed":     &s.ChangesRemoved,
		"sync_processor_request_queued":   &s.SyncQueued,
		"request_commit_queued":           &s.CommitQueued,
		"digest_mismatches_count":         &s.DigestMismatches,
		"unrecoverable_error_count":       &s.Unrecoverable,
		"commit_count":                    &s.CommitCount,
		"proposal_count":                  &s.ProposalCount,
		"snap_count":                      &s.SnapCount,
		"diff_count":                      &s.DiffCount,
		"revalidate_count":                &s.Revalidations,
		"learner_proposal_received_count": &s.ProposalsReceived,
		"learner_commit_received_count":   &s.CommitsReceived,
		"looking_count":                   &s.LookingCount,
		"snapshot_error_count":            &s.SnapshotErrors,
		"snapshot_rate_limited_count":     &s.SnapshotLimited,
		"restore_error_count":             &s.RestoreErrors,
		"restore_rate_limited_count":      &s.RestoreLimited,
		"ensemble_auth_success":           &s.EnsembleRight,
		"ensemble_auth_fail":              &s.EnsembleWrong,
		"insecure_admin_count":            &s.InsecureAdmin,
		"ensemble_auth_skip":              &s.EnsembleSkipped,
	}
}

// distributionsByName says which field is the distribution of a name.
func (s *Set) distributionsByName() map[string]**Distribution {
	return map[string]**Distribution{
		"readlatency":                            &s.ReadLatency,
		"updatelatency":                          &s.UpdateLatency,
		"connection_token_deficit":               &s.TokenDeficit,
		"node_created_watch_count":               &s.CreatedWatches,
		"node_deleted_watch_count":               &s.DeletedWatches,
		"node_changed_watch_count":               &s.ChangedWatches,
		"node_children_watch_count":              &s.ChildrenWatches,
		"prep_processor_queue_size":              &s.PrepQueueSize,
		"prep_processor_queue_time_ms":           &s.PrepQueueTime,
		"prep_process_time":                      &s.PrepTime,
		"close_session_prep_time":                &s.CloseTime,
		"sync_processor_queue_size":              &s.SyncQueueSize,
		"sync_processor_queue_time_ms":           &s.SyncQueueTime,
		"sync_process_time":                      &s.SyncTime,
		"sync_processor_queue_flush_time_ms":     &s.SyncFlushTime,
		"sync_processor_queue_and_flush_time_ms": &s.SyncAndQueueTime,
		"sync_processor_batch_size":              &s.SyncBatch,
		"fsynctime":                              &s.FsyncTime,
		"write_commit_proc_issued":               &s.CommitBatch,
		"commit_commit_proc_req_queued":          &s.CommitQueueSize,
		"commit_process_time":                    &s.CommitTime,
		"write_batch_time_in_commit_processor":   &s.CommitBatchTime,
		"write_final_proc_time_ms":               &s.WriteFinalTime,
		"write_commitproc_time_ms":               &s.WriteCommitTime,
		"local_write_committed_time_ms":          &s.LocalWriteTime,
		"server_write_committed_time_ms":         &s.RemoteWriteTime,
		"propagation_latency":                    &s.PropagationTime,
		"learner_request_processor_queue_size":   &s.RequestsForwarded,
		"quorum_ack_latency":                     &s.QuorumAckTime,
		"inflight_snap_count":                    &s.SnapsInFlight,
		"inflight_diff_count":                    &s.DiffsInFlight,
		"proposal_latency":                       &s.ProposalTime,
		"commit_propagation_latency":             &s.CommitArrivalTime,
		"proposal_ack_creation_latency":          &s.AckCreationTime,
		"follower_sync_time":                     &s.FollowerSyncTime,
		"observer_sync_time":                     &s.ObserverSyncTime,
		"election_time":                          &s.ElectionTime,
		"unavailable_time":                       &s.UnavailableTime,
		"leader_unavailable_time":                &s.LeaderUnavailable,
		"snapshottime":                           &s.SnapshotTime,
		"dbinittime":                             &s.DBInitTime,
		"startup_txns_loaded":                    &s.StartupTxnsLoaded,
		"startup_txns_load_time":                 &s.StartupTxnsLoadTime,
		"startup_snap_load_time":                 &s.StartupSnapLoadTime,
		"restore_time":                           &s.RestoreTime,
	}
}

// absent are the names that stay at zero, by why that is so.
var absent = map[string]string{
	"there is no cleaner of dead watchers": `add_dead_watcher_stall_time dead_watchers_cleared dead_watchers_queued
		dead_watchers_cleaner_latency`,
	"requests are not throttled": `request_throttle_wait_count request_throttle_queue_time_ms stale_replies stale_requests
		stale_requests_dropped throttled_ops`,
	"replies are not cached, they are encoded from the tree": `response_packet_cache_hits response_packet_cache_misses
		response_packet_get_children_cache_hits response_packet_get_children_cache_misses`,
	"there is no commit processor that reads pass through": `requests_not_forwarded_to_commit_processor
		skip_learner_request_to_next_processor_count concurrent_request_processing_in_commit_processor
		pending_session_queue_size read_commit_proc_issued read_commit_proc_req_queued
		reads_after_write_in_session_queue reads_issued_from_session_queue requests_in_session_queue
		session_queues_drained time_waiting_empty_pool_in_commit_processor_read_ms write_commit_proc_req_queued
		read_commitproc_time_ms`,
	"reads take less than the clock can tell; readlatency has them": `read_final_proc_time_ms`,
	"what it stands for is part of prep_process_time":               `proposal_process_time`,
	"sockets are not closed in the background":                      `socket_closing_time`,
	"there is no Netty":                    `netty_queued_buffer_capacity`,
	"followers serve no observers":         `om_commit_process_time_ms om_proposal_process_time_ms`,
	"there is no JVM":                      `jvm_pause_time_ms`,
	"elections by an oracle are not there": `quit_leading_due_to_disloyal_voter`,
}

// Absent returns the names that stay at zero, each with the reason.
func Absent() map[string]string {
	out := map[string]string{}
	for reason, names := range absent {
		for _, name := range strings.Fields(names) {
			out[name] = reason
		}
	}
	return out
}
