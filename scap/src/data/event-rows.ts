/**
 * Every event type that a capture can hold, one a line: code, name, direction (`>` before a call, `<` after), category and flags in
 * hexadecimal, then `name:type` for each parameter. After the type: `/x` is printed in hexadecimal, `/o` in octal; `@name` is a set of
 * flags (flag-rows.ts) or of variants (dynamic-parameters.ts), `@n` for a relative path the parameter with its directory.
 *
 * Facts of the format (event schema 4.5). Long because the format has 454 event types; a line is never changed, only added.
 */
export const EVENT_ROWS = `
0 syscall > 201 1200 ID:syscall nativeID:u16
1 syscall < 201 1000 ID:syscall nativeID:u16
2 open > 202 1021 name:path flags:flags32/x@file_flags mode:u32/o
3 open < 202 1021 fd:fd name:path flags:flags32/x@file_flags mode:u32/o dev:u32/x ino:u64
4 close > 222 1226 fd:fd
5 close < 222 1026 res:errno fd:fd
6 read > 220 120c fd:fd size:u32
7 read < 220 100c res:errno data:bytes fd:fd size:u32
8 write > 221 1214 fd:fd size:u32
9 write < 221 1014 res:errno data:bytes fd:fd size:u32
10 brk > 205 1200 size:u32
11 brk < 205 1200 res:u64/x
12 execve > 206 1220
13 execve < 206 1220 res:errno exe:text args:bytes tid:pid pid:pid ptid:pid cwd:text fdlimit:u64
14 clone > 206 220
15 clone < 206 1220 res:pid exe:text args:bytes tid:pid pid:pid ptid:pid cwd:text fdlimit:i64 flags:flags32/x@clone_flags uid:u32 gid:u32
16 procexit > 406 1220
17 NA < 0 40
18 socket > 203 1221 domain:enum32@socket_families type:u32 proto:u32
19 socket < 203 1021 fd:fd domain:enum32@socket_families type:u32 proto:u32 flags:flags32/x@file_flags
20 bind > 203 1224 fd:fd
21 bind < 203 1024 res:errno addr:sockaddr fd:fd
22 connect > 203 1024 fd:fd addr:sockaddr
23 connect < 203 1024 res:errno tuple:tuple fd:fd addr:sockaddr
24 listen > 203 1204 fd:fd backlog:i32
25 listen < 203 1004 res:errno fd:fd backlog:i32
26 accept > 203 221
27 accept < 203 1221 fd:fd tuple:tuple queuepct:u8
28 send > 221 1214 fd:fd size:u32
29 send < 221 1014 res:errno data:bytes fd:fd size:u32 tuple:tuple
30 sendto > 221 1234 fd:fd size:u32 tuple:tuple
31 sendto < 221 1034 res:errno data:bytes fd:fd size:u32 tuple:tuple
32 recv > 220 120c fd:fd size:u32
33 recv < 220 100c res:errno data:bytes fd:fd size:u32 tuple:tuple
34 recvfrom > 220 122c fd:fd size:u32
35 recvfrom < 220 102c res:errno data:bytes tuple:tuple fd:fd size:u32
36 shutdown > 203 1224 fd:fd how:enum8/x@shutdown_how
37 shutdown < 203 1024 res:errno fd:fd how:enum8/x@shutdown_how
38 getsockname > 203 200
39 getsockname < 203 0
40 getpeername > 203 200
41 getpeername < 203 0
42 socketpair > 204 1221 domain:enum32@socket_families type:u32 proto:u32
43 socketpair < 204 1021 res:errno fd1:fd fd2:fd source:u64/x peer:u64/x domain:enum32@socket_families type:u32 proto:u32
44 setsockopt > 203 200
45 setsockopt < 203 4 res:errno fd:fd level:enum8@sockopt_levels optname:enum8@sockopt_options val:dyn@sockopt optlen:u32
46 getsockopt > 203 220
47 getsockopt < 203 24 res:errno fd:fd level:enum8@sockopt_levels optname:enum8@sockopt_options val:dyn@sockopt optlen:u32
48 sendmsg > 221 1234 fd:fd size:u32 tuple:tuple
49 sendmsg < 221 1034 res:errno data:bytes fd:fd size:u32 tuple:tuple
50 sendmmsg > 221 200
51 sendmmsg < 221 1034 res:errno fd:fd size:u32 data:bytes tuple:tuple
52 recvmsg > 220 122c fd:fd
53 recvmsg < 220 102c res:errno size:u32 data:bytes tuple:tuple msgcontrol:bytes fd:fd
54 recvmmsg > 220 200
55 recvmmsg < 220 102c res:errno fd:fd size:u32 data:bytes tuple:tuple msgcontrol:bytes
56 accept > 203 1221 flags:i32/x
57 accept < 203 1221 fd:fd tuple:tuple queuepct:u8
58 creat > 202 1021 name:path mode:u32/o
59 creat < 202 1021 fd:fd name:path mode:u32/o dev:u32/x ino:u64 creat_flags:flags16/x@creat_flags
60 pipe > 204 221
61 pipe < 204 21 res:errno fd1:fd fd2:fd ino:u64
62 eventfd > 204 1221 initval:u64 flags:u32/x
63 eventfd < 204 1021 res:fd initval:u64 flags:u32/x
64 futex > 204 1200 addr:u64/x op:flags16/x@futex_operations val:u64
65 futex < 204 1000 res:errno addr:u64/x op:flags16/x@futex_operations val:u64
66 stat > 202 200
67 stat < 202 0 res:errno path:path
68 lstat > 202 200
69 lstat < 202 0 res:errno path:path
70 fstat > 202 1204 fd:fd
71 fstat < 202 1004 res:errno fd:fd
72 stat64 > 202 200
73 stat64 < 202 0 res:errno path:path
74 lstat64 > 202 200
75 lstat64 < 202 0 res:errno path:path
76 fstat64 > 202 204 fd:fd
77 fstat64 < 202 0 res:errno
78 epoll_wait > 240 1280 maxevents:errno
79 epoll_wait < 240 1080 res:errno maxevents:errno
80 poll > 240 1280 fds:fdlist timeout:i64
81 poll < 240 1080 res:errno fds:fdlist timeout:i64
82 select > 240 280
83 select < 240 80 res:errno
84 select > 240 280
85 select < 240 1280 res:errno
86 lseek > 202 1204 fd:fd offset:u64 whence:enum8@lseek_whence
87 lseek < 202 1004 res:errno fd:fd offset:u64 whence:enum8@lseek_whence
88 llseek > 202 1204 fd:fd offset:u64 whence:enum8@lseek_whence
89 llseek < 202 1004 res:errno fd:fd offset:u64 whence:enum8@lseek_whence
90 ioctl > 222 1204 fd:fd request:u64/x
91 ioctl < 222 1204 res:errno
92 getcwd > 202 200
93 getcwd < 202 0 res:errno path:text
94 chdir > 202 220
95 chdir < 202 20 res:errno path:text
96 fchdir > 202 1224 fd:fd
97 fchdir < 202 1024 res:errno fd:fd
98 mkdir > 202 1200 path:path mode:u32/x
99 mkdir < 202 1200 res:errno
100 rmdir > 202 1200 path:path
101 rmdir < 202 1200 res:errno
102 openat > 202 1221 dirfd:fd name:text flags:flags32/x@file_flags mode:u32/o
103 openat < 202 1221 fd:fd
104 link > 202 1200 oldpath:path newpath:path
105 link < 202 1200 res:errno
106 linkat > 202 1200 olddir:fd oldpath:text newdir:fd newpath:text
107 linkat < 202 1200 res:errno
108 unlink > 202 1200 path:path
109 unlink < 202 1200 res:errno
110 unlinkat > 202 1200 dirfd:fd name:text
111 unlinkat < 202 1200 res:errno
112 pread > 220 120c fd:fd size:u32 pos:u64
113 pread < 220 100c res:errno data:bytes fd:fd size:u32 pos:u64
114 pwrite > 221 1214 fd:fd size:u32 pos:u64
115 pwrite < 221 1014 res:errno data:bytes fd:fd size:u32 pos:u64
116 readv > 220 120c fd:fd
117 readv < 220 100c res:errno size:u32 data:bytes fd:fd
118 writev > 221 1214 fd:fd size:u32
119 writev < 221 1014 res:errno data:bytes fd:fd size:u32
120 preadv > 220 120c fd:fd pos:u64
121 preadv < 220 100c res:errno size:u32 data:bytes fd:fd pos:u64
122 pwritev > 221 1214 fd:fd size:u32 pos:u64
123 pwritev < 221 1014 res:errno data:bytes fd:fd size:u32 pos:u64
124 dup > 222 1225 fd:fd
125 dup < 222 1225 res:fd
126 signalfd > 209 1221 fd:fd mask:u32/x flags:u8/x
127 signalfd < 209 1021 res:fd fd:fd mask:u32/x flags:u8/x
128 kill > 209 1200 pid:pid sig:signal
129 kill < 209 1000 res:errno pid:pid sig:signal
130 tkill > 209 1200 tid:pid sig:signal
131 tkill < 209 1000 res:errno tid:pid sig:signal
132 tgkill > 209 1200 pid:pid tid:pid sig:signal
133 tgkill < 209 1000 res:errno pid:pid tid:pid sig:signal
134 nanosleep > 207 1280 interval:reltime
135 nanosleep < 207 1080 res:errno interval:reltime
136 timerfd_create > 20b 1221 clockid:u8 flags:u8/x
137 timerfd_create < 20b 1021 res:fd clockid:u8 flags:u8/x
138 inotify_init > 204 1221 flags:u8/x
139 inotify_init < 204 1021 res:fd flags:u8/x
140 getrlimit > 206 1200 resource:enum8@rlimit_resources
141 getrlimit < 206 1000 res:errno cur:i64 max:i64 resource:enum8@rlimit_resources
142 setrlimit > 206 1200 resource:enum8@rlimit_resources
143 setrlimit < 206 1000 res:errno cur:i64 max:i64 resource:enum8@rlimit_resources
144 prlimit > 206 1200 pid:pid resource:enum8@rlimit_resources
145 prlimit < 206 1000 res:errno newcur:i64 newmax:i64 oldcur:i64 oldmax:i64 pid:i64 resource:enum8@rlimit_resources
146 switch > 480 1300 next:pid
147 NA < 0 40
148 drop > 1100 100 ratio:u32
149 drop < 1100 100 ratio:u32
150 fcntl > 222 1224 fd:fd cmd:enum8@fcntl_commands
151 fcntl < 222 1024 res:fd fd:fd cmd:enum8@fcntl_commands arg:u64/x
152 switch > 480 0 next:pid pgft_maj:u64 pgft_min:u64 vm_size:u32 vm_rss:u32 vm_swap:u32
153 NA < 0 40
154 execve > 206 1220
155 execve < 206 1220 res:errno exe:text args:bytes tid:pid pid:pid ptid:pid cwd:text fdlimit:u64 pgft_maj:u64 pgft_min:u64 vm_size:u32 vm_rss:u32 vm_swap:u32
156 clone > 206 220
157 clone < 206 1220 res:pid exe:text args:bytes tid:pid pid:pid ptid:pid cwd:text fdlimit:i64 pgft_maj:u64 pgft_min:u64 vm_size:u32 vm_rss:u32 vm_swap:u32 flags:flags32/x@clone_flags uid:u32 gid:u32
158 brk > 205 1200 addr:u64/x
159 brk < 205 1000 res:u64/x vm_size:u32 vm_rss:u32 vm_swap:u32 addr:u64/x
160 mmap > 205 1204 addr:u64/x length:u64 prot:flags32/x@prot_flags flags:flags32/x@mmap_flags fd:fd offset:u64
161 mmap < 205 1004 res:errno/x vm_size:u32 vm_rss:u32 vm_swap:u32 addr:u64/x length:u64 prot:flags32/x@prot_flags flags:flags32/x@mmap_flags fd:fd offset:u64
162 mmap2 > 205 1204 addr:u64/x length:u64 prot:flags32/x@prot_flags flags:flags32/x@mmap_flags fd:fd pgoffset:u64
163 mmap2 < 205 1004 res:errno/x vm_size:u32 vm_rss:u32 vm_swap:u32 addr:u64/x length:u64 prot:flags32/x@prot_flags flags:flags32/x@mmap_flags fd:fd pgoffset:u64
164 munmap > 205 1200 addr:u64/x length:u64
165 munmap < 205 1000 res:errno vm_size:u32 vm_rss:u32 vm_swap:u32 addr:u64/x length:u64
166 splice > 222 1204 fd_in:fd fd_out:fd size:u64 flags:flags32/x@splice_flags
167 splice < 222 1004 res:errno fd_in:fd fd_out:fd size:u64 flags:flags32/x@splice_flags
168 ptrace > 206 1200 request:enum16@ptrace_requests pid:pid
169 ptrace < 206 1000 res:errno addr:dyn/x@ptrace data:dyn/x@ptrace request:enum16@ptrace_requests pid:pid
170 ioctl > 222 1204 fd:fd request:u64/x argument:u64/x
171 ioctl < 222 1004 res:errno fd:fd request:u64/x argument:u64/x
172 execve > 206 1220
173 execve < 206 1220 res:errno exe:text args:bytes tid:pid pid:pid ptid:pid cwd:text fdlimit:u64 pgft_maj:u64 pgft_min:u64 vm_size:u32 vm_rss:u32 vm_swap:u32 env:bytes
174 rename > 202 200
175 rename < 202 0 res:errno oldpath:path newpath:path
176 renameat > 202 200
177 renameat < 202 0 res:errno olddirfd:fd oldpath:relpath@1 newdirfd:fd newpath:relpath@3
178 symlink > 202 200
179 symlink < 202 0 res:errno target:text linkpath:path
180 symlinkat > 202 200
181 symlinkat < 202 4 res:errno target:text linkdirfd:fd linkpath:relpath@2
182 fork > 206 220
183 fork < 206 1220 res:pid exe:text args:bytes tid:pid pid:pid ptid:pid cwd:text fdlimit:i64 pgft_maj:u64 pgft_min:u64 vm_size:u32 vm_rss:u32 vm_swap:u32 flags:flags32/x@clone_flags uid:u32 gid:u32
184 vfork > 206 220
185 vfork < 206 1220 res:pid exe:text args:bytes tid:pid pid:pid ptid:pid cwd:text fdlimit:i64 pgft_maj:u64 pgft_min:u64 vm_size:u32 vm_rss:u32 vm_swap:u32 flags:flags32/x@clone_flags uid:u32 gid:u32
186 procexit > 406 20 status:errno ret:errno sig:signal core:u8 reaper_tid:pid
187 NA < 0 40
188 sendfile > 221 1204 out_fd:fd in_fd:fd offset:u64 size:u64
189 sendfile < 221 1004 res:errno offset:u64 out_fd:fd in_fd:fd size:u64
190 quotactl > 20a 1200 cmd:flags16@quotactl_cmds type:flags8@quotactl_types id:u32 quota_fmt:flags8@quotactl_quota_fmts
191 quotactl < 20a 1000 res:errno special:text quotafilepath:text dqb_bhardlimit:u64 dqb_bsoftlimit:u64 dqb_curspace:u64 dqb_ihardlimit:u64 dqb_isoftlimit:u64 dqb_btime:reltime dqb_itime:reltime dqi_bgrace:reltime dqi_igrace:reltime dqi_flags:flags8@quotactl_dqi_flags quota_fmt_out:flags8@quotactl_quota_fmts cmd:flags16@quotactl_cmds type:flags8@quotactl_types id:u32 quota_fmt:flags8@quotactl_quota_fmts
192 setresuid > 20a 1220 ruid:uid euid:uid suid:uid
193 setresuid < 20a 1020 res:errno ruid:uid euid:uid suid:uid
194 setresgid > 20a 1220 rgid:gid egid:gid sgid:gid
195 setresgid < 20a 1020 res:errno rgid:gid egid:gid sgid:gid
196 scapevent > 1100 100 event_type:u32 event_data:u64
197 NA < 0 40
198 setuid > 20a 1220 uid:uid
199 setuid < 20a 1020 res:errno uid:uid
200 setgid > 20a 1220 gid:gid
201 setgid < 20a 1020 res:errno gid:gid
202 getuid > 20a 200
203 getuid < 20a 0 uid:uid
204 geteuid > 20a 200
205 geteuid < 20a 0 euid:uid
206 getgid > 20a 200
207 getgid < 20a 0 gid:gid
208 getegid > 20a 200
209 getegid < 20a 0 egid:gid
210 getresuid > 20a 200
211 getresuid < 20a 0 res:errno ruid:uid euid:uid suid:uid
212 getresgid > 20a 200
213 getresgid < 20a 0 res:errno rgid:gid egid:gid sgid:gid
214 execve > 206 1220
215 execve < 206 1220 res:errno exe:text args:bytes tid:pid pid:pid ptid:pid cwd:text fdlimit:u64 pgft_maj:u64 pgft_min:u64 vm_size:u32 vm_rss:u32 vm_swap:u32 comm:text env:bytes
216 clone > 206 220
217 clone < 206 1220 res:pid exe:text args:bytes tid:pid pid:pid ptid:pid cwd:text fdlimit:i64 pgft_maj:u64 pgft_min:u64 vm_size:u32 vm_rss:u32 vm_swap:u32 comm:text flags:flags32/x@clone_flags uid:u32 gid:u32
218 fork > 206 220
219 fork < 206 1220 res:pid exe:text args:bytes tid:pid pid:pid ptid:pid cwd:text fdlimit:i64 pgft_maj:u64 pgft_min:u64 vm_size:u32 vm_rss:u32 vm_swap:u32 comm:text flags:flags32/x@clone_flags uid:u32 gid:u32
220 vfork > 206 220
221 vfork < 206 1220 res:pid exe:text args:bytes tid:pid pid:pid ptid:pid cwd:text fdlimit:i64 pgft_maj:u64 pgft_min:u64 vm_size:u32 vm_rss:u32 vm_swap:u32 comm:text flags:flags32/x@clone_flags uid:u32 gid:u32
222 clone > 206 220
223 clone < 206 1020 res:pid exe:text args:bytes tid:pid pid:pid ptid:pid cwd:text fdlimit:i64 pgft_maj:u64 pgft_min:u64 vm_size:u32 vm_rss:u32 vm_swap:u32 comm:text cgroups:bytes flags:flags32/x@clone_flags uid:u32 gid:u32 vtid:pid vpid:pid pidns_init_start_ts:u64
224 fork > 206 220
225 fork < 206 1020 res:pid exe:text args:bytes tid:pid pid:pid ptid:pid cwd:text fdlimit:i64 pgft_maj:u64 pgft_min:u64 vm_size:u32 vm_rss:u32 vm_swap:u32 comm:text cgroups:bytes flags:flags32/x@clone_flags uid:u32 gid:u32 vtid:pid vpid:pid pidns_init_start_ts:u64
226 vfork > 206 220
227 vfork < 206 1020 res:pid exe:text args:bytes tid:pid pid:pid ptid:pid cwd:text fdlimit:i64 pgft_maj:u64 pgft_min:u64 vm_size:u32 vm_rss:u32 vm_swap:u32 comm:text cgroups:bytes flags:flags32/x@clone_flags uid:u32 gid:u32 vtid:pid vpid:pid pidns_init_start_ts:u64
228 container > 1100 1320 id:text type:u32 name:text image:text
229 NA < 0 40
230 execve > 206 1220
231 execve < 206 1220 res:errno exe:text args:bytes tid:pid pid:pid ptid:pid cwd:text fdlimit:u64 pgft_maj:u64 pgft_min:u64 vm_size:u32 vm_rss:u32 vm_swap:u32 comm:text cgroups:bytes env:bytes
232 signaldeliver > 409 0 spid:pid dpid:pid sig:signal
233 NA < 0 40
234 procinfo > 1100 100 cpu_usr:u64 cpu_sys:u64
235 NA < 0 40
236 getdents > 202 1204 fd:fd
237 getdents < 202 1004 res:errno fd:fd
238 getdents64 > 202 1204 fd:fd
239 getdents64 < 202 1004 res:errno fd:fd
240 setns > 206 1204 fd:fd nstype:flags32/x@clone_flags
241 setns < 206 1004 res:errno fd:fd nstype:flags32/x@clone_flags
242 flock > 202 1204 fd:fd operation:flags32/x@flock_flags
243 flock < 202 1004 res:errno fd:fd operation:flags32/x@flock_flags
244 cpu_hotplug > 1008 120 cpu:u32 action:u32
245 NA < 0 40
246 accept > 203 221
247 accept < 203 21 fd:fd tuple:tuple queuepct:u8 queuelen:u32 queuemax:u32
248 accept > 203 1221 flags:i32/x
249 accept < 203 1221 fd:fd tuple:tuple queuepct:u8 queuelen:u32 queuemax:u32
250 semop > 206 1200 semid:i32
251 semop < 206 1000 res:errno nsops:u32 sem_num_0:u16 sem_op_0:i16 sem_flg_0:flags16/x@semop_flags sem_num_1:u16 sem_op_1:i16 sem_flg_1:flags16/x@semop_flags semid:i32
252 semctl > 206 1200 semid:i32 semnum:i32 cmd:flags16/x@semctl_commands val:i32
253 semctl < 206 1000 res:errno semid:i32 semnum:i32 cmd:flags16/x@semctl_commands val:i32
254 ppoll > 240 1280 fds:fdlist timeout:reltime sigmask:sigset
255 ppoll < 240 1080 res:errno fds:fdlist timeout:reltime sigmask:sigset
256 mount > 202 1220 flags:flags32/x@mount_flags
257 mount < 202 1020 res:errno dev:text dir:path type:text flags:flags32/x@mount_flags
258 umount > 202 220 flags:flags32/x@umount_flags
259 umount < 202 1220 res:errno name:path
260 k8s > 1100 320 json:text
261 NA < 0 40
262 semget > 206 1200 key:i32/x nsems:i32 semflg:flags32/x@semget_flags
263 semget < 206 1000 res:errno key:i32/x nsems:i32 semflg:flags32/x@semget_flags
264 access > 202 1200 mode:flags32/x@access_flags
265 access < 202 1000 res:errno name:path mode:flags32/x@access_flags
266 chroot > 206 220
267 chroot < 206 20 res:errno path:path
268 tracer > 1001 200 id:i64 tags:texts args:pairs
269 NA < 0 40 id:i64 tags:texts args:pairs
270 mesos > 1100 320 json:text
271 NA < 0 40
272 container > 1006 1220 json:text
273 NA < 0 40
274 setsid > 206 220
275 setsid < 206 20 res:pid
276 mkdir > 202 1200 mode:u32/x
277 mkdir < 202 1000 res:errno path:path mode:u32/x
278 rmdir > 202 200
279 rmdir < 202 0 res:errno path:path
280 notification > 1001 100 id:text desc:text
281 NA < 0 40
282 execve > 206 1220
283 execve < 206 1220 res:errno exe:text args:bytes tid:pid pid:pid ptid:pid cwd:text fdlimit:u64 pgft_maj:u64 pgft_min:u64 vm_size:u32 vm_rss:u32 vm_swap:u32 comm:text cgroups:bytes env:bytes tty:i32
284 unshare > 206 1200 flags:flags32/x@clone_flags
285 unshare < 206 1000 res:errno flags:flags32/x@clone_flags
286 infra > 1100 100 source:text name:text description:text scope:text
287 NA < 0 40
288 execve > 206 1220 filename:path
289 execve < 206 1220 res:errno exe:text args:bytes tid:pid pid:pid ptid:pid cwd:text fdlimit:u64 pgft_maj:u64 pgft_min:u64 vm_size:u32 vm_rss:u32 vm_swap:u32 comm:text cgroups:bytes env:bytes tty:i32
290 page_fault > 401 100 addr:u64/x ip:u64/x error:flags32/x@pf_flags
291 NA < 0 40
292 execve > 206 1220 filename:path
293 execve < 206 1020 res:errno exe:text args:bytes tid:pid pid:pid ptid:pid cwd:text fdlimit:u64 pgft_maj:u64 pgft_min:u64 vm_size:u32 vm_rss:u32 vm_swap:u32 comm:text cgroups:bytes env:bytes tty:u32 vpgid:pid loginuid:uid flags:flags32/x@execve_flags cap_inheritable:u64/x cap_permitted:u64/x cap_effective:u64/x exe_ino:u64 exe_ino_ctime:abstime exe_ino_mtime:abstime uid:uid trusted_exepath:path pgid:pid gid:gid filename:path
294 setpgid > 206 1200 pid:pid pgid:pid
295 setpgid < 206 1000 res:errno pid:pid pgid:pid
296 bpf > 201 1201 cmd:i64
297 bpf < 201 1201 res_or_fd:dyn@bpf
298 seccomp > 201 1200 op:u64 flags:u64/x
299 seccomp < 201 1000 res:errno op:u64 flags:u64/x
300 unlink > 202 200
301 unlink < 202 0 res:errno path:path
302 unlinkat > 202 200
303 unlinkat < 202 4 res:errno dirfd:fd name:relpath@1 flags:flags32/x@unlinkat_flags
304 mkdirat > 202 200
305 mkdirat < 202 4 res:errno dirfd:fd path:relpath@1 mode:u32/x
306 openat > 202 1021 dirfd:fd name:relpath@0 flags:flags32/x@file_flags mode:u32/o
307 openat < 202 1021 fd:fd dirfd:fd name:relpath@1 flags:flags32/x@file_flags mode:u32/o dev:u32/x ino:u64
308 link > 202 200
309 link < 202 0 res:errno oldpath:path newpath:path
310 linkat > 202 200
311 linkat < 202 0 res:errno olddir:fd oldpath:relpath@1 newdir:fd newpath:relpath@3 flags:flags32/x@linkat_flags
312 fchmodat > 202 200
313 fchmodat < 202 4 res:errno dirfd:fd filename:relpath@1 mode:mode/o@chmod_mode
314 chmod > 202 200
315 chmod < 202 0 res:errno filename:path mode:mode/o@chmod_mode
316 fchmod > 202 200
317 fchmod < 202 4 res:errno fd:fd mode:mode/o@chmod_mode
318 renameat2 > 202 200
319 renameat2 < 202 0 res:errno olddirfd:fd oldpath:relpath@1 newdirfd:fd newpath:relpath@3 flags:flags32/x@renameat2_flags
320 userfaultfd > 202 221
321 userfaultfd < 202 21 res:errno flags:flags32/x@file_flags
322 pluginevent > 801 800 plugin_id:u32 event_data:bytes
323 NA < 0 40
324 container > 1006 820 json:text
325 NA < 0 40
326 openat2 > 202 1021 dirfd:fd name:relpath@0 flags:flags32/x@file_flags mode:u32/o resolve:flags32/x@openat2_flags
327 openat2 < 202 1021 fd:fd dirfd:fd name:relpath@1 flags:flags32/x@file_flags mode:u32/o resolve:flags32/x@openat2_flags dev:u32/x ino:u64
328 mprotect > 205 1200 addr:u64/x length:u64 prot:flags32/x@prot_flags
329 mprotect < 205 1000 res:errno addr:u64/x length:u64 prot:flags32/x@prot_flags
330 execveat > 206 1220 dirfd:fd pathname:relpath@0 flags:flags32/x@execveat_flags
331 execveat < 206 1020 res:errno exe:text args:bytes tid:pid pid:pid ptid:pid cwd:text fdlimit:u64 pgft_maj:u64 pgft_min:u64 vm_size:u32 vm_rss:u32 vm_swap:u32 comm:text cgroups:bytes env:bytes tty:u32 vpgid:pid loginuid:uid flags:flags32/x@execve_flags cap_inheritable:u64/x cap_permitted:u64/x cap_effective:u64/x exe_ino:u64 exe_ino_ctime:abstime exe_ino_mtime:abstime uid:uid trusted_exepath:path pgid:pid gid:gid
332 copy_file_range > 202 121c fdin:fd offin:u64 len:u64
333 copy_file_range < 202 101c res:errno fdout:fd offout:u64 fdin:fd offin:u64 len:u64
334 clone3 > 206 220
335 clone3 < 206 1020 res:pid exe:text args:bytes tid:pid pid:pid ptid:pid cwd:text fdlimit:i64 pgft_maj:u64 pgft_min:u64 vm_size:u32 vm_rss:u32 vm_swap:u32 comm:text cgroups:bytes flags:flags32/x@clone_flags uid:u32 gid:u32 vtid:pid vpid:pid pidns_init_start_ts:u64
336 open_by_handle_at > 202 221
337 open_by_handle_at < 202 21 fd:fd mountfd:fd flags:flags32/x@file_flags path:path dev:u32/x ino:u64
338 io_uring_setup > 222 221
339 io_uring_setup < 222 21 res:errno entries:u32 sq_entries:u32 cq_entries:u32 flags:flags32/x@io_uring_setup_flags sq_thread_cpu:u32 sq_thread_idle:u32 features:flags32/x@io_uring_setup_feats
340 io_uring_enter > 222 200
341 io_uring_enter < 222 4 res:errno fd:fd to_submit:u32 min_complete:u32 flags:flags32/x@io_uring_enter_flags sig:sigset
342 io_uring_register > 222 200
343 io_uring_register < 222 4 res:errno fd:fd opcode:enum16@io_uring_register_opcodes arg:u64/x nr_args:u32
344 mlock > 205 200
345 mlock < 205 0 res:errno addr:u64/x len:u64
346 munlock > 205 200
347 munlock < 205 0 res:errno addr:u64/x len:u64
348 mlockall > 205 200
349 mlockall < 205 0 res:errno flags:flags32/x@mlockall_flags
350 munlockall > 205 200
351 munlockall < 205 0 res:errno
352 capset > 206 220
353 capset < 206 20 res:errno cap_inheritable:u64/x cap_permitted:u64/x cap_effective:u64/x
354 useradded > 1006 20 uid:u32 gid:u32 name:text home:text shell:text container_id:text
355 NA < 0 40
356 userdeleted > 1006 20 uid:u32 gid:u32 name:text home:text shell:text container_id:text
357 NA < 0 40
358 groupadded > 1006 20 gid:u32 name:text container_id:text
359 NA < 0 40
360 groupdeleted > 1006 20 gid:u32 name:text container_id:text
361 NA < 0 40
362 dup2 > 222 225 fd:fd
363 dup2 < 222 25 res:fd oldfd:fd newfd:fd
364 dup3 > 222 225 fd:fd
365 dup3 < 222 25 res:fd oldfd:fd newfd:fd flags:flags32/x@file_flags
366 dup > 222 225 fd:fd
367 dup < 222 25 res:fd oldfd:fd
368 bpf > 201 201 cmd:i64
369 bpf < 201 1 fd:fd cmd:enum32@bpf_commands
370 mlock2 > 205 200
371 mlock2 < 205 0 res:errno addr:u64/x len:u64 flags:flags32/x@mlock2_flags
372 fsconfig > 208 200
373 fsconfig < 208 4 res:errno fd:fd cmd:enum32@fsconfig_cmds key:text value_bytebuf:bytes value_charbuf:text aux:i32
374 epoll_create > 240 1221 size:i32
375 epoll_create < 240 1021 res:errno size:i32
376 epoll_create1 > 240 1221 flags:flags32/x@epoll_create1_flags
377 epoll_create1 < 240 1021 res:errno flags:flags32/x@epoll_create1_flags
378 chown > 202 200
379 chown < 202 0 res:errno path:path uid:u32 gid:u32
380 lchown > 202 200
381 lchown < 202 0 res:errno path:path uid:u32 gid:u32
382 fchown > 202 200
383 fchown < 202 4 res:errno fd:fd uid:u32 gid:u32
384 fchownat > 202 200
385 fchownat < 202 4 res:errno dirfd:fd pathname:relpath@1 uid:u32 gid:u32 flags:flags32/x@fchownat_flags
386 umount > 202 220
387 umount < 202 20 res:errno name:path
388 accept4 > 203 1221 flags:i32/x
389 accept4 < 203 1021 fd:fd tuple:tuple queuepct:u8 queuelen:u32 queuemax:u32 flags:i32/x
390 umount2 > 202 1220 flags:flags32/x@umount_flags
391 umount2 < 202 1020 res:errno name:path flags:flags32/x@umount_flags
392 pipe2 > 204 221
393 pipe2 < 204 21 res:errno fd1:fd fd2:fd ino:u64 flags:flags32/x@file_flags
394 inotify_init1 > 204 221
395 inotify_init1 < 204 21 res:fd flags:flags16/x@file_flags
396 eventfd2 > 204 1221 initval:u64
397 eventfd2 < 204 1021 res:fd flags:flags16/x@file_flags initval:u64
398 signalfd4 > 209 1221 fd:fd mask:u32/x
399 signalfd4 < 209 1021 res:fd flags:flags16/x@file_flags fd:fd mask:u32/x
400 prctl > 206 220
401 prctl < 206 20 res:errno option:enum32@prctl_options arg2_str:text arg2_int:i64
402 asyncevent > 1001 800 plugin_id:u32 name:text data:bytes
403 NA < 0 40
404 memfd_create > 205 221
405 memfd_create < 205 21 fd:fd name:text flags:flags32/x@memfd_create_flags
406 pidfd_getfd > 206 221
407 pidfd_getfd < 206 21 fd:fd pid_fd:fd target_fd:fd flags:u32/x
408 pidfd_open > 206 221
409 pidfd_open < 206 21 fd:fd pid:pid flags:flags32/x@pidfd_open_flags
410 init_module > 201 200
411 init_module < 201 0 res:errno img:bytes length:u64 uargs:text
412 finit_module > 201 200
413 finit_module < 201 c res:errno fd:fd uargs:text flags:flags32/x@finit_module_flags
414 mknod > 201 200
415 mknod < 201 0 res:errno path:path mode:mode/o@mknod_mode dev:u32
416 mknodat > 201 200
417 mknodat < 201 4 res:errno dirfd:fd path:relpath@1 mode:mode/o@mknod_mode dev:u32
418 newfstatat > 202 200
419 newfstatat < 202 4 res:errno dirfd:fd path:relpath@1 flags:flags32/x@newfstatat_flags
420 process_vm_readv > 204 200
421 process_vm_readv < 204 0 res:i64 pid:pid data:bytes
422 process_vm_writev > 204 200
423 process_vm_writev < 204 0 res:i64 pid:pid data:bytes
424 delete_module > 201 200
425 delete_module < 201 0 res:errno name:text flags:flags32/x@delete_module_flags
426 setreuid > 20a 220
427 setreuid < 20a 20 res:errno ruid:uid euid:uid
428 setregid > 20a 200
429 setregid < 20a 20 res:errno rgid:uid egid:uid
430 task > 2006 20 ppid:pid32 pgid:pid32 vpgid:pid32 sid:pid32 comm:text argv:texts exepath:path flags:flags32/x@execve_flags env:texts cwd:text fdlimit:u64 euid:uid egid:gid cap_permitted:u64/x cap_effective:u64/x cap_inheritable:u64/x exe_ino_num:u64 exe_ino_ctime:abstime exe_ino_mtime:abstime vm_size:u32 vm_rss:u32 vm_swap:u32 pgft_maj:u64 pgft_min:u64 vtgid:pid32 vpid:pid32 pidns_init_start_ts:u64 cgroups:texts root:path start_time:abstime tty:u32 loginuid:uid
431 NA < 0 40
432 task_file_pipe > 2002 20 fd:fd32 path:path ino_num:u64
433 NA < 0 40
434 task_file_memfd > 2002 20 fd:fd32 path:path ino_num:u64
435 NA < 0 40
436 task_file_regular > 2002 20 fd:fd32 path:path flags:flags32/x@file_flags mnt_id:u32 ino_num:u64
437 NA < 0 40
438 task_file_directory > 2002 20 fd:fd32 path:path ino_num:u64
439 NA < 0 40
440 task_file_socket_inet > 2002 20 fd:fd32 sk_type:u16 sk_proto:u16 local_ip:ipv4/x local_port:port/x remote_ip:ipv4/x remote_port:port/x ino_num:u64
441 NA < 0 40
442 task_file_socket_inet6 > 2002 20 fd:fd32 sk_type:u16 sk_proto:u16 local_ip:ipv6/x local_port:port/x remote_ip:ipv6/x remote_port:port/x ino_num:u64
443 NA < 0 40
444 task_file_socket_unix > 2002 20 fd:fd32 sk_type:u16 sk_proto:u16 sk_pointer:u64 sun_path:path ino_num:u64
445 NA < 0 40
446 task_file_socket_netlink > 2002 20 fd:fd32 sk_type:u16 sk_proto:u16 ino_num:u64
447 NA < 0 40
448 task_file_anon_inode > 2002 20 fd:fd32 fd_type:flags8@anon_inode_fd_types path:path ino_num:u64
449 NA < 0 40
450 NA > 0 40
451 close_range < 222 20 res:errno first:u32 last:u32 flags:flags32/x@close_range_flags
452 NA > 0 40
453 keyctl < 201 0 res:errno operation:enum32@keyctl_operations arg2:dyn@keyctl arg3:dyn@keyctl arg4:dyn@keyctl arg5:dyn@keyctl
`;
