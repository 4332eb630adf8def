# the control group's own files, version 2 or 1
cd /sys/fs/cgroup
cat memory.max 2> /dev/null || cat memory/memory.limit_in_bytes
cat cpu.max 2> /dev/null || echo $(cat cpu/cpu.cfs_quota_us) $(cat cpu/cpu.cfs_period_us)
