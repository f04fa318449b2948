/*
 * flip: hot restart for servers that know nothing of it. Reads the command line and hands over to
 * the supervisor (run), to a running supervisor (restart, stop, status) or to the shim's table.
 */
#include <argp.h>
#include <bsd/err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "control.h"
#include "core/settings.h"
#include "functions.h"
#include "hold.h"
#include "profiles.h"
#include "run.h"
#include "target.h"

/* Settings without a letter get keys beyond the range of letters: this plus their index. */
#define KEY_BASE 0x100
#define ERROR_SIZE 8192

struct command {
	const char *name;
	int (*function)(int argc, char **argv);
	const char *arguments;
	const char *help; /* NULL: internal, not shown */
};

static int command_run(int argc, char **argv);
static int command_attach(int argc, char **argv);
static int command_hold(int argc, char **argv);
static int command_restart(int argc, char **argv);
static int command_stop(int argc, char **argv);
static int command_status(int argc, char **argv);
static int command_functions(int argc, char **argv);
static int command_profiles(int argc, char **argv);
static int command_help(int argc, char **argv);

static const struct command commands[] = {
	{ "run", command_run, "[OPTION...] [--] CMD [ARG...]",
	  "start a server, restart it at SIGHUP" },
	{ "attach", command_attach, "[OPTION...] -- CMD [ARG...]", NULL },
	{ "hold", command_hold, "PID", NULL },
	{ "restart", command_restart, "[NAME|PID]", "restart a server and wait for it" },
	{ "stop", command_stop, "[NAME|PID]", "let a server finish its connections and end" },
	{ "status", command_status, "[NAME|PID]", "show one service, or all" },
	{ "functions", command_functions, "", "list the functions that flip replaces in a server" },
	{ "profiles", command_profiles, "[FILE]", "list how known programs are run, and why" },
	{ "help", command_help, "[COMMAND]", "show this, or the options of a command" },
	{ .name = NULL },
};

static const struct command *command_find(const char *name)
{
	for (const struct command *command = commands; command->name; command++)
		if (strcmp(command->name, name) == 0)
			return command;
	return NULL;
}

/* What a parser collects. */
struct request {
	struct settings settings;
	char **words; /* what stands behind the options; ends with NULL */
	const char *program; /* what is run: the first of them, unless the library says another path */
};

static const struct setting *setting_by_key(int key)
{
	for (size_t i = 0; settings_table[i].option; i++)
		if (key == (settings_table[i].short_option ? settings_table[i].short_option :
							     KEY_BASE + (int)i))
			return &settings_table[i];
	return NULL;
}

static error_t option_parse(int key, char *text, struct argp_state *state)
{
	struct request *request = state->input;
	const struct setting *setting = setting_by_key(key);
	char error[ERROR_SIZE];

	/* Everything behind the options at once: it is the server's and is kept as it is. */
	if (key == ARGP_KEY_ARGS) {
		request->words = state->argv + state->next;
		return 0;
	}
	if (!setting)
		return ARGP_ERR_UNKNOWN;
	if (!settings_set(&request->settings, setting, text, error, sizeof(error)))
		errx(EXIT_FLIP, "--%s", error);
	return 0;
}

/* The variable stands beside each option; argp frees the text. */
static char *option_help(int key, const char *text, void *input)
{
	const struct setting *setting = setting_by_key(key);
	char *help;

	if (!setting || asprintf(&help, "%s [%s]", text, setting->variable) < 0)
		return (char *)text;
	return help;
}

/* A table of argp's from ours; the caller frees it. */
static struct argp_option *options_new(void)
{
	size_t count = 0;

	while (settings_table[count].option)
		count++;

	struct argp_option *options = calloc(count + 1, sizeof(*options));

	if (!options)
		err(EXIT_FLIP, "cannot read the options");
	for (size_t i = 0; i < count; i++) {
		const struct setting *setting = &settings_table[i];

		options[i].name = setting->option;
		options[i].key = setting->short_option ? setting->short_option : KEY_BASE + (int)i;
		options[i].arg = setting->placeholder;
		options[i].doc = setting->help;
		/* A group of its own keeps each where our table has it; argp would sort them. */
		options[i].group = (int)i + 1;
	}
	return options;
}

/* Only what is set to something counts, so that FLIP_NAME= undoes an inherited one. */
static void settings_from_environment(struct settings *settings)
{
	char error[ERROR_SIZE];

	for (const struct setting *setting = settings_table; setting->option; setting++) {
		const char *text = getenv(setting->variable);

		if (!text || *text == '\0')
			continue;
		/* The user knows it by the variable's name, not by the option's. */
		if (!settings_set(settings, setting, text, error, sizeof(error)))
			errx(EXIT_FLIP, "%s%s", setting->variable,
			     error + strlen(setting->option));
	}
}

/* What each setting by itself cannot see. */
static void settings_check(const struct settings *settings)
{
	uint32_t restart = settings->restart_signal, stop = settings->stop_signal;
	char buffer[32];
	const char *name = signal_name((int)restart, buffer, sizeof(buffer));

	if (settings->name && !control_name_ok(settings->name))
		errx(EXIT_FLIP,
		     "--name: a service cannot be called '%.80s'; take up to %d letters, digits "
		     "and ._@-, not digits only",
		     settings->name, CONTROL_NAME_MAX);
	if (restart == stop)
		errx(EXIT_FLIP, "%s cannot be both --restart-signal and --stop-signal", name);
	if (stop == 0 && (restart == SIGQUIT || restart == SIGTERM))
		errx(EXIT_FLIP,
		     "%s would both restart and stop the server; name another --stop-signal", name);
}

/* What is wrong with the words ends the program by itself. */
static void parse(const struct argp *argp, int argc, char **argv, void *result)
{
	error_t error = argp_parse(argp, argc, argv, ARGP_IN_ORDER, NULL, result);

	if (error)
		errc(EXIT_FLIP, error, "cannot read the options");
}

static void request_parse(struct request *request, const char *command, int argc, char **argv)
{
	CLEANUP_FREE struct argp_option *options = options_new();
	struct argp argp = {
		.options = options,
		.parser = option_parse,
		.args_doc = "CMD [ARG...]",
		.doc = "Start CMD as a server that SIGHUP restarts from disk and SIGQUIT stops, "
		       "both without a client noticing.\v"
		       "TIME is a number of seconds, or of ms, s, m or h (500ms, 1.5s, 2m). "
		       "An option wins over its variable. The exit code is the server's "
		       "(128+N if signal N ended it), or 125 if flip failed, 126 if CMD cannot "
		       "be run, 127 if it is not found.",
		.help_filter = option_help,
	};

	settings_init(&request->settings);
	settings_from_environment(&request->settings);
	parse(&argp, argc, argv, request);
	if (!request->words)
		errx(EXIT_FLIP, "%s needs the command of a server; try flip run -- ./server",
		     command);
	if (!request->program || !*request->program)
		request->program = request->words[0];
	profiles_apply(&request->settings, request->program);
	settings_complete(&request->settings);
	settings_check(&request->settings);
}

static int command_run(int argc, char **argv)
{
	struct request request = { .words = NULL };
	char error[ERROR_SIZE];

	request_parse(&request, "run", argc, argv);

	int code = target_check_machine(error, sizeof(error));

	if (code == 0)
		code = target_check(request.words[0], error, sizeof(error));
	if (code != 0)
		errx(code, "%s", error);
	return supervisor_run(&request.settings, request.words);
}

static int command_attach(int argc, char **argv)
{
	struct request request = { .program = getenv("FLIP_PROGRAM") };

	request_parse(&request, "attach", argc, argv);
	return supervisor_attach(&request.settings, request.program, request.words);
}

/* Commands without options; --help and --version are argp's. */
static error_t words_parse(int key, char *text, struct argp_state *state)
{
	char ***words = state->input;

	if (key != ARGP_KEY_ARGS)
		return ARGP_ERR_UNKNOWN;
	*words = state->argv + state->next;
	return 0;
}

/* The one word that may follow a command, or NULL. */
static const char *word_parse(const char *name, int argc, char **argv)
{
	const struct command *command = command_find(name);
	struct argp argp = {
		.parser = words_parse,
		.args_doc = command->arguments,
		.doc = command->help,
	};
	char **words = NULL;

	parse(&argp, argc, argv, &words);
	if (words && (words[1] || command->arguments[0] == '\0'))
		errx(EXIT_FLIP, "%s does not know what to do with '%s'; see flip help", name,
		     command->arguments[0] == '\0' ? words[0] : words[1]);
	return words ? words[0] : NULL;
}

static int command_hold(int argc, char **argv)
{
	const char *text = word_parse("hold", argc, argv);

	return hold_run(text ? (pid_t)atoi(text) : 0);
}

static int command_restart(int argc, char **argv)
{
	return control_command(MESSAGE_CONTROL_RESTART, word_parse("restart", argc, argv));
}

static int command_stop(int argc, char **argv)
{
	return control_command(MESSAGE_CONTROL_STOP, word_parse("stop", argc, argv));
}

static int command_status(int argc, char **argv)
{
	return control_command(MESSAGE_CONTROL_STATUS, word_parse("status", argc, argv));
}

static int command_functions(int argc, char **argv)
{
	word_parse("functions", argc, argv);
	return functions_print();
}

static int command_profiles(int argc, char **argv)
{
	const char *file = word_parse("profiles", argc, argv);
	const char *usual = getenv("FLIP_PROFILES");

	return profiles_print(file ? file : usual && *usual ? usual : NULL);
}

static void usage_print(FILE *stream)
{
	fputs("Usage: flip COMMAND [ARG...]\n"
	      "Hot restart for servers that know nothing of it.\n\n",
	      stream);
	for (const struct command *command = commands; command->name; command++) {
		char words[64];

		if (!command->help)
			continue;
		snprintf(words, sizeof(words), "%s %s", command->name, command->arguments);
		fprintf(stream, "  %-34s %s\n", words, command->help);
	}
	fputs("  --help, --version\n\n"
	      "flip run --help shows the options of run.\n",
	      stream);
}

/* argp knows to show the help of any command and to end the program with it. */
static int command_help(int argc, char **argv)
{
	const char *topic = word_parse("help", argc, argv);
	const struct command *command = topic ? command_find(topic) : NULL;
	char title[64], option[] = "--help";

	if (!topic || (command && command->function == command_help)) {
		usage_print(stdout);
		return 0;
	}
	if (!command)
		errx(EXIT_FLIP, "there is no command '%s'; see flip --help", topic);
	snprintf(title, sizeof(title), "flip %s", topic);
	return command->function(2, (char *[]){ title, option, NULL });
}

/* Keeps "flip run" as argv[0] of the command, for argp to name it in usage and errors. */
static int command_start(const struct command *command, int argc, char **argv)
{
	char title[64];

	snprintf(title, sizeof(title), "flip %s", command->name);
	argv[0] = title;
	return command->function(argc, argv);
}

/*
 * Standard input, output or error that is closed stays so for the server, but not for us: a socket
 * of ours under that number would be written to.
 */
static void stdio_reserve(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* At exit: what could not be written is no success. */
static void output_check(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return;
	warn("cannot write to standard output");
	_exit(EXIT_FLIP);
}

int main(int argc, char **argv)
{
	stdio_reserve();
	atexit(output_check);
	argp_program_version = "flip " FLIP_VERSION;
	argp_err_exit_status = EXIT_FLIP;

	if (argc < 2) {
		usage_print(stderr);
		return EXIT_FLIP;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "-?") == 0)
		return command_help(1, argv);
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts(argp_program_version);
		return 0;
	}

	const struct command *command = command_find(argv[1]);

	if (!command)
		errx(EXIT_FLIP, "there is no command '%s'; see flip --help", argv[1]);
	return command_start(command, argc - 1, argv + 1);
}
