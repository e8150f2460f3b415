/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
#include "options.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096
#define ENV_DEFAULT TEXT_MAX
#define SECONDS_MAX (366ULL * 24 * 3600)
#define WISHES_MAX (64 << 10)
#define RING_MAX (1ULL << 28)

static const char usage[] =
	"countersign-sensor [--output FILE|unix:PATH|-] [--seconds N] [--events LIST]\n"
	"                   [--no-reads | --read-below PATH …] [--failed-opens none|denied|all] [--env-bytes N]\n"
	"                   [--tell FILE] [--ring-bytes N] [--process-ring-bytes N] [--list-events] [--help]\n"
	"\n"
	"Watches this host's processes, files and connections and writes what they do as a .scap stream, to standard output\n"
	"unless told otherwise, until it is stopped. Losses are told in the stream.\n"
	"\n"
	"  --events LIST        names of events with commas between, as in a rule's evt.type; all when not given.\n"
	"                       Processes that start, change and end are always told.\n"
	"  --read-below PATH    of files that are only read, tell those below these paths; all when not given\n"
	"  --no-reads           none of them\n"
	"  --tell FILE          a file of --events and --read-below, one a line without the dashes, as whoever reads the stream wrote it;\n"
	"                       events that this sensor does not know are passed over\n"
	"  --failed-opens WHICH which opens that failed are told: none, those denied (default), or all\n"
	"  --env-bytes N        bytes of the environment told of a program, 0 to 4096 (default)\n"
	"  --ring-bytes N       of the ring in the kernel, a power of two: 8388608\n"
	"  --process-ring-bytes N  of the ring for processes: 2097152\n"
	"\n"
	"Ends with 0 when stopped, 1 when it failed, 2 when called wrongly, 3 when this host or user does not allow it.\n";

enum { OUTPUT = 256, SECONDS, EVENTS, READ_BELOW, NO_READS, TELL, FAILED_OPENS, ENV_BYTES, RING_BYTES, PROCESS_RING_BYTES, LIST, HELP };

static const struct option names[] = {
	{ "output", required_argument, NULL, OUTPUT },
	{ "seconds", required_argument, NULL, SECONDS },
	{ "events", required_argument, NULL, EVENTS },
	{ "read-below", required_argument, NULL, READ_BELOW },
	{ "no-reads", no_argument, NULL, NO_READS },
	{ "tell", required_argument, NULL, TELL },
	{ "failed-opens", required_argument, NULL, FAILED_OPENS },
	{ "env-bytes", required_argument, NULL, ENV_BYTES },
	{ "ring-bytes", required_argument, NULL, RING_BYTES },
	{ "process-ring-bytes", required_argument, NULL, PROCESS_RING_BYTES },
	{ "list-events", no_argument, NULL, LIST },
	{ "help", no_argument, NULL, HELP },
	{},
};

static bool parse_number(const char *name, const char *text, uint64_t most, uint64_t *value)
{
	char *end;

	*value = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && *end == 0 && *value <= most)
		return true;
	fprintf(stderr, "sensor: --%s is '%s', it must be a number from 0 to %llu\n", name, text, (unsigned long long)most);
	return false;
}

static bool parse_ring(const char *name, const char *text, uint64_t *bytes)
{
	if (!parse_number(name, text, RING_MAX, bytes))
		return false;
	if (*bytes >= PAGE && (*bytes & (*bytes - 1)) == 0)
		return true;
	fprintf(stderr, "sensor: --%s is %s, it must be a power of two from %d on\n", name, text, PAGE);
	return false;
}

/* A name that is unknown is a mistake of whoever typed it, and the future to whoever is newer than this sensor. */
static bool parse_events(struct options *options, const char *list, bool is_typed)
{
	memset(options->is_wanted, 0, sizeof(options->is_wanted));
	while (*list) {
		int length = strcspn(list, ",");
		bool is_known = false;

		for (int index = 0; index < hooks_count; index++) {
			if (!is_named(&hooks[index], list, length))
				continue;
			options->is_wanted[index] = is_known = true;
		}
		if (!is_known && is_typed) {
			fprintf(stderr, "sensor: there is no event '%.*s'; --list-events names them all\n", length, list);
			return false;
		}
		list += length;
		list += *list == ',';
	}
	return true;
}

static bool parse_failed_opens(struct options *options, const char *text)
{
	static const char *const choices[] = { "none", "denied", "all" };

	for (int index = 0; index < 3; index++) {
		if (strcmp(text, choices[index]) == 0) {
			options->failed_opens = index;
			return true;
		}
	}
	fprintf(stderr, "sensor: --failed-opens is '%s', it must be none, denied or all\n", text);
	return false;
}

static bool add_prefix(struct options *options, const char *path)
{
	if (options->read_below_count == PREFIXES_MAX) {
		fprintf(stderr, "sensor: --read-below can be given %d times\n", PREFIXES_MAX);
		return false;
	}
	if (path[0] != '/' || strlen(path) > PREFIX_MAX) {
		fprintf(stderr, "sensor: --read-below is '%s', it must be an absolute path of %d bytes at most\n", path, PREFIX_MAX);
		return false;
	}
	options->read_below[options->read_below_count++] = path;
	return true;
}

/*
 * Whoever reads the stream may say what of it is wanted, and nothing else: the file can be written by somebody without rights, and this
 * program has some.
 */
static bool parse_wish(struct options *options, char *line)
{
	char *value = line + strcspn(line, " ");

	if (*value)
		*value++ = 0;
	if (strcmp(line, "events") == 0)
		return parse_events(options, value, false);
	if (strcmp(line, "read-below") == 0)
		return add_prefix(options, value);
	fprintf(stderr, "sensor: --tell has a line '%s', it must begin with events or read-below\n", line);
	return false;
}

static bool parse_wishes(struct options *options, const char *path)
{
	/* Paths are kept as they stand in it. */
	static char text[WISHES_MAX];
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat stat = {};
	ssize_t size = -1;
	char *rest = text;

	if (fd >= 0 && fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode))
		size = read(fd, text, sizeof(text));
	if (fd >= 0)
		close(fd);
	if (size < 0 || size == sizeof(text)) {
		fprintf(stderr, "sensor: --tell is '%s', it must be a file that can be read and is shorter than %d bytes\n", path,
			WISHES_MAX);
		return false;
	}
	text[size] = 0;
	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
		if (*line && !parse_wish(options, line))
			return false;
	return true;
}

static bool parse_one(struct options *options, int name)
{
	uint64_t number;

	switch (name) {
	case OUTPUT:
		options->output = optarg;
		return true;
	case SECONDS:
		return parse_number("seconds", optarg, SECONDS_MAX, &options->seconds);
	case EVENTS:
		return parse_events(options, optarg, true);
	case READ_BELOW:
		return add_prefix(options, optarg);
	case NO_READS:
		options->no_reads = true;
		return true;
	case TELL:
		return parse_wishes(options, optarg);
	case FAILED_OPENS:
		return parse_failed_opens(options, optarg);
	case ENV_BYTES:
		if (!parse_number("env-bytes", optarg, TEXT_MAX, &number))
			return false;
		options->env_bytes = number;
		return true;
	case RING_BYTES:
		return parse_ring("ring-bytes", optarg, &options->activity_ring_bytes);
	case PROCESS_RING_BYTES:
		return parse_ring("process-ring-bytes", optarg, &options->process_ring_bytes);
	default:
		return false;
	}
}

static void list_events(void)
{
	for (int index = 0; index < hooks_count; index++)
		if (is_first_of_name(index))
			puts(hooks[index].name);
}

enum parsed parse_options(struct options *options, int argc, char **argv)
{
	int name;

	*options = (struct options){
		.output = "-",
		.activity_ring_bytes = 8 << 20,
		.process_ring_bytes = 2 << 20,
		.env_bytes = ENV_DEFAULT,
		.failed_opens = FAILED_DENIED,
	};
	memset(options->is_wanted, true, sizeof(options->is_wanted));
	while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (name == LIST) {
			list_events();
			return PARSED_DONE;
		}
		if (name == HELP) {
			fputs(usage, stdout);
			return PARSED_DONE;
		}
		if (!parse_one(options, name))
			return PARSED_WRONG;
	}
	if (optind < argc) {
		fprintf(stderr, "sensor: '%s' is too much; --help tells the options\n", argv[optind]);
		return PARSED_WRONG;
	}
	return PARSED_RUN;
}
