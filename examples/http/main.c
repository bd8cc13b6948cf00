/* SPDX-License-Identifier: ISC */
/*
 * A web server for static files: those of a tar archive that is given as a
 * boot module, those below a directory (--root; examples/site has them on a
 * disk), else one page that is built in. A thread for each connection, HTTP/1.1
 * with keep-alive, GET and HEAD.
 */
#define _GNU_SOURCE /* strcasestr */
#include <fata/boot.h>
#include <fata/fs.h>
#include <fata/manifest.h>
#include <fata/param.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#ifdef SITE
FATA_NAME("site", "serves the files of a disk");
FATA_BLOCK(SITE);
FATA_FS(ext4);
FATA_FS(tar);
#else
#define SITE NULL
FATA_NAME("http", "serves static files");
#endif
FATA_NET("lan");

static const char *root = SITE ? "/www" : NULL;
FATA_PARAM_STRING(root, "root", "", "the directory with the files");

static int64_t port = 80;
FATA_PARAM_INT(port, "port", "80", "the TCP port");

static const char built_in[] =
	"<!doctype html><title>Fata</title>\n"
	"<h1>It works</h1>\n"
	"<p>This page comes from a C program that Xen booted by itself.\n";

struct page {
	const char *data;
	size_t size;
};

/* --- files ---------------------------------------------------------------- */

/* A header of a tar archive (POSIX ustar); the file follows, padded to 512. */
struct header {
	char name[100], unused[24], size[12], more[20], type, rest[355];
};

/* The file of that name in the archive: 0, or -1. */
static int in_archive(const struct boot_module *m, const char *name,
		      struct page *p)
{
	const char *at = m->data, *end = at + m->size;

	while ((size_t)(end - at) >= sizeof(struct header) && *at) {
		const struct header *h = (const struct header *)at;
		char path[sizeof(h->name) + 1] = "", octal[13] = "";
		size_t size;

		memcpy(path, h->name, sizeof(h->name));
		memcpy(octal, h->size, sizeof(h->size));
		size = strtoul(octal, NULL, 8);
		at += sizeof(*h);
		if (size > (size_t)(end - at))
			return -1;
		if ((h->type == '0' || !h->type) &&
		    !strcmp(path + (strncmp(path, "./", 2) ? 0 : 2), name)) {
			*p = (struct page){at, size};
			return 0;
		}
		size = (size + 511) & ~(size_t)511;
		at += size < (size_t)(end - at) ? size : (size_t)(end - at);
	}
	return -1;
}

static int find_page(const char *name, struct page *p)
{
	if (!*name)
		name = "index.html";
	if (boot_module_count())
		return in_archive(boot_module(0), name, p);
	*p = (struct page){built_in, sizeof(built_in) - 1};
	return strcmp(name, "index.html") ? -1 : 0;
}

static const char *type_of(const char *name)
{
	static const char *const types[][2] = {
		{".html", "text/html; charset=utf-8"},
		{".css", "text/css"},
		{".js", "text/javascript"},
		{".txt", "text/plain; charset=utf-8"},
		{".png", "image/png"},
		{".jpg", "image/jpeg"},
		{".svg", "image/svg+xml"},
	};
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < sizeof(types) / sizeof(*types); i++)
		if (!strcasecmp(dot, types[i][0]))
			return types[i][1];
	return *name ? "application/octet-stream" : types[0][1];
}

/* --- requests ------------------------------------------------------------- */

static int send_all(int c, const char *p, size_t n)
{
	while (n) {
		ssize_t done = send(c, p, n, MSG_NOSIGNAL);

		if (done <= 0)
			return -1;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

static int answer(int c, const char *status, const char *type,
		  const struct page *p, int keep, int body)
{
	char head[300];
	int n = snprintf(head, sizeof(head),
			 "HTTP/1.1 %s\r\nServer: fata\r\nContent-Type: %s\r\n"
			 "Content-Length: %zu\r\nConnection: %s\r\n\r\n",
			 status, type, p->size, keep ? "keep-alive" : "close");

	if (send(c, head, (size_t)n,
		 body ? MSG_MORE | MSG_NOSIGNAL : MSG_NOSIGNAL) != n)
		return -1;
	return body ? send_all(c, p->data, p->size) : 0;
}

static int refuse(int c, const char *status)
{
	struct page p = {status, strlen(status)};

	answer(c, status, "text/plain", &p, 0, 1);
	return -1;
}

/* The file of that name below the root, or its index: a number, or -1. */
static int open_below(const char *name, struct stat *s)
{
	char path[1024];
	int fd;

	for (const char *p = name; p; p = strchr(p, '/')) {
		p += *p == '/';
		if (!strncmp(p, "..", 2) && (!p[2] || p[2] == '/'))
			return -1;
	}
	if (snprintf(path, sizeof(path) - 12, "%s/%s", root, name) >=
	    (int)sizeof(path) - 12)
		return -1;
	if (!stat(path, s) && S_ISDIR(s->st_mode))
		strcat(path, "/index.html");
	fd = open(path, O_RDONLY);
	if (fd >= 0 && (fstat(fd, s) || !S_ISREG(s->st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* As answer, with the file's contents; 1: there is no such file. */
static int answer_file(int c, const char *name, int keep, int body)
{
	struct page p = {NULL, 0};
	struct stat s;
	int fd = open_below(name, &s), err;

	if (fd < 0)
		return 1;
	p.size = (size_t)s.st_size;
	err = answer(c, "200 OK", type_of(name), &p, keep, 0);
	while (body && !err && p.size) {
		ssize_t n = sendfile(c, fd, NULL, p.size);

		if (n <= 0)
			err = -1;
		else
			p.size -= (size_t)n;
	}
	close(fd);
	return err;
}

/* One request, ended by an empty line. 0: the connection goes on. */
static int serve(int c, char *request)
{
	int head = !strncmp(request, "HEAD ", 5), keep;
	char *name = strchr(request, ' '), *end;
	struct page p;

	if (strncmp(request, "GET ", 4) && !head)
		return refuse(c, "405 Method Not Allowed");
	end = strpbrk(name + 1, " \r\n");
	if (name[1] != '/' || *end != ' ')
		return refuse(c, "400 Bad Request");
	keep = !strncmp(end, " HTTP/1.1\r", 10) &&
	       !strcasestr(end, "\r\nConnection: close");
	*end = '\0';
	name += 2;
	name[strcspn(name, "?#")] = '\0';
	if (root) {
		int err = answer_file(c, name, keep, !head);

		if (err <= 0)
			return err || !keep ? -1 : 0;
	} else if (!find_page(name, &p))
		return answer(c, "200 OK", type_of(name), &p, keep, !head) ||
				       !keep
			       ? -1
			       : 0;
	p = (struct page){"not found\n", 10};
	return answer(c, "404 Not Found", "text/plain", &p, keep, !head) ||
			       !keep
		       ? -1
		       : 0;
}

static void *connection(void *arg)
{
	int c = (int)(intptr_t)arg, on = 1;
	char data[4096];
	size_t n = 0;

	setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	for (;;) {
		ssize_t got = recv(c, data + n, sizeof(data) - 1 - n, 0);
		char *end;

		if (got <= 0)
			break;
		n += (size_t)got;
		data[n] = '\0';
		while ((end = strstr(data, "\r\n\r\n"))) {
			size_t used = (size_t)(end + 4 - data);

			end[2] = '\0';
			if (serve(c, data))
				goto out;
			memmove(data, data + used, n - used + 1);
			n -= used;
		}
		if (n == sizeof(data) - 1) {
			refuse(c, "431 Request Header Fields Too Large");
			break;
		}
	}
out:
	close(c);
	return NULL;
}

int main(void)
{
	int s = socket(AF_INET6, SOCK_STREAM, 0), on = 1;
	struct sockaddr_in6 here = {.sin6_family = AF_INET6,
				    .sin6_addr = in6addr_any,
				    .sin6_port = htons((uint16_t)port)};
	pthread_attr_t attr;

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (s < 0 || bind(s, (struct sockaddr *)&here, sizeof(here)) ||
	    listen(s, 128)) {
		perror("http");
		return 1;
	}
	printf("http: port %d, %s\n", (int)port,
	       root                  ? root
	       : boot_module_count() ? "files of the boot module"
				     : "the built-in page");
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 32768);
	for (;;) {
		int c = accept(s, NULL, NULL);
		pthread_t t;

		if (c >= 0 &&
		    pthread_create(&t, &attr, connection, (void *)(intptr_t)c))
			close(c);
	}
}
