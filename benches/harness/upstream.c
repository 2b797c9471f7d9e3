// The provider of the measurements: HTTP/1.1 on 127.0.0.1, in the clear and over TLS, in one thread.
// In C, because it shares a core with the load, and what it takes is taken from the load.
//
//   upstream CERTIFICATE KEY      prints `PLAIN_PORT TLS_PORT` and serves until it is ended
//
// It checks every request: the key must be that of the caller whom X-Caller names, and nothing in the head may look
// like a caller's token. What fails is answered with 500, so a proxy that is fast and wrong fails the measurement.
// `GET …/bytes/N` is answered with N bytes, anything else with a job once its body has arrived.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { INPUT = 64 << 10, BULK = 256 << 10, EVENTS = 256, CALLER_DIGITS = 7 };

static const char KEY_PREFIX[] = "Bearer fake-key-"; // then the caller's number
static const char TOKEN_PREFIX[] = "bhp_";

struct connection {
    int socket;
    SSL *tls; // NULL in the clear
    uint32_t watched;
    char input[INPUT];
    size_t filled;
    bool in_body;
    bool is_submit; // each is answered with a job of its own
    long long body_left, body_length;
    const char *status;
    long long asked_bytes; // -1: a job
    char output[1024];
    size_t output_length, output_sent;
    long long bulk_left;
};

// A negative number is the end of the connection, 0 that there is nothing to be done now.
typedef long transferred;

static int poller;
static char bulk[BULK];

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void watch(struct connection *c, uint32_t events)
{
    if (c->watched == events)
        return;
    struct epoll_event event = {.events = events, .data.ptr = c};
    epoll_ctl(poller, c->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->socket, &event);
    c->watched = events;
}

static transferred outcome(struct connection *c, long count)
{
    if (count > 0)
        return count;
    if (!c->tls)
        return count < 0 && errno == EAGAIN ? 0 : -1;
    int error = SSL_get_error(c->tls, (int)count);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static transferred take(struct connection *c, char *to, size_t room)
{
    ERR_clear_error();
    return outcome(c, c->tls ? SSL_read(c->tls, to, (int)room) : recv(c->socket, to, room, 0));
}

static transferred give(struct connection *c, const char *from, size_t length)
{
    ERR_clear_error();
    return outcome(c, c->tls ? SSL_write(c->tls, from, (int)length) : send(c->socket, from, length, MSG_NOSIGNAL));
}

// The value of a field in a head that ends at `end`, or NULL. `name` is in lower case and has its colon.
static const char *field(const char *head, const char *end, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = memchr(head, '\n', end - head); line; line = memchr(line, '\n', end - line)) {
        line++;
        if (end - line > (long)length && !strncasecmp(line, name, length))
            return line + length + strspn(line + length, " ");
    }
    return NULL;
}

static const char *judge(const char *head, const char *end)
{
    const char *caller = field(head, end, "x-caller:"), *key = field(head, end, "authorization:");
    size_t prefix = strlen(KEY_PREFIX);
    bool right = caller && key && !strncmp(key, KEY_PREFIX, prefix) && !memcmp(key + prefix, caller, CALLER_DIGITS);
    bool leaked = memmem(head, end - head, TOKEN_PREFIX, strlen(TOKEN_PREFIX));
    bool framed = !field(head, end, "transfer-encoding:"); // the load states its lengths, and so has the proxy to
    return right && framed && !leaked ? "200 OK" : "500 Internal Server Error";
}

static void read_head(struct connection *c, const char *head, const char *end)
{
    static const char BYTES[] = "/bytes/";
    const char *line_end = memchr(head, '\r', end - head);
    const char *bytes = memmem(head, line_end - head, BYTES, strlen(BYTES));
    const char *length = field(head, end, "content-length:");
    c->status = judge(head, end);
    c->asked_bytes = bytes ? atoll(bytes + strlen(BYTES)) : -1;
    c->body_left = c->body_length = length ? atoll(length) : 0;
    c->in_body = true;
    c->is_submit = !strncmp(head, "POST", 4) && memmem(head, line_end - head, "/jobs ", 6);
}

static void answer(struct connection *c)
{
    static unsigned long long last; // ids go on from the clock: a store may have seen those of an earlier run
    if (!last) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        last = (unsigned long long)now.tv_sec << 30;
    }
    unsigned long long id = c->is_submit ? ++last : 0x0123456789abcdef;
    char job[256];
    int length = snprintf(job, sizeof job,
                          "{\"id\":\"job-%016llx\",\"status\":\"ready\",\"backend\":\"qpu-27\",\"shots\":1000,"
                          "\"submitted\":\"2026-01-01T00:00:00Z\",\"received\":%lld}",
                          id, c->body_length);
    bool is_bulk = c->asked_bytes >= 0;
    c->output_length =
        snprintf(c->output, sizeof c->output, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %lld\r\n\r\n%s",
                 c->status, is_bulk ? "application/octet-stream" : "application/json",
                 is_bulk ? c->asked_bytes : (long long)length, is_bulk ? "" : job);
    c->output_sent = 0;
    c->bulk_left = is_bulk ? c->asked_bytes : 0;
    c->in_body = false;
}

// Takes one request out of what has been read, as far as it is there. True when it has been answered.
static bool consume(struct connection *c)
{
    size_t used = 0;
    if (!c->in_body) {
        const char *end = memmem(c->input, c->filled, "\r\n\r\n", 4);
        if (!end)
            return false;
        used = end + 4 - c->input;
        read_head(c, c->input, end + 2);
    }
    size_t body = c->filled - used;
    if ((long long)body > c->body_left)
        body = c->body_left;
    used += body;
    c->body_left -= body;
    c->filled -= used;
    memmove(c->input, c->input + used, c->filled);
    if (c->body_left)
        return false;
    answer(c);
    return true;
}

// 1 when nothing is left, else as `transferred`.
static transferred flush(struct connection *c)
{
    while (c->output_sent < c->output_length || c->bulk_left) {
        bool head = c->output_sent < c->output_length;
        size_t left = head ? c->output_length - c->output_sent : c->bulk_left < BULK ? (size_t)c->bulk_left : BULK;
        transferred sent = give(c, head ? c->output + c->output_sent : bulk, left);
        if (sent <= 0)
            return sent;
        if (head)
            c->output_sent += sent;
        else
            c->bulk_left -= sent;
    }
    return 1;
}

// Does what can be done now. False: the connection has ended.
static bool advance(struct connection *c)
{
    for (bool drained = false;;) {
        // An answer goes out before the next request is read: whoever does not read is not read from.
        transferred flushed = flush(c);
        if (flushed < 0)
            return false;
        watch(c, flushed ? EPOLLIN : EPOLLOUT);
        if (!flushed)
            return true;
        if (consume(c))
            continue;
        if (drained)
            return true; // not asked once more: that would be a system call for each request
        size_t room = INPUT - c->filled;
        transferred read = room ? take(c, c->input + c->filled, room) : -1;
        if (read <= 0)
            return read == 0;
        c->filled += read;
        drained = (size_t)read < room && !(c->tls && SSL_has_pending(c->tls));
    }
}

static void welcome(int listener, SSL_CTX *tls)
{
    for (int socket; (socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        struct connection *c = calloc(1, sizeof *c);
        if (!c)
            fail("memory");
        c->socket = socket;
        if (tls) {
            c->tls = SSL_new(tls);
            SSL_set_fd(c->tls, socket);
            SSL_set_accept_state(c->tls);
        }
        watch(c, EPOLLIN);
    }
}

static void dismiss(struct connection *c)
{
    SSL_free(c->tls);
    close(c->socket);
    free(c);
}

// Listens on any free port; returns it.
static int listen_anywhere(int *listener, void *mark)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    *listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(*listener, (void *)&address, length) || listen(*listener, 4096) ||
        getsockname(*listener, (void *)&address, &length))
        fail("listen");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = mark};
    epoll_ctl(poller, EPOLL_CTL_ADD, *listener, &event);
    return ntohs(address.sin_port);
}

static SSL_CTX *tls_of(const char *certificate, const char *key)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(tls, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1) {
        ERR_print_errors_fp(stderr);
        exit(1);
    }
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(tls, 1);
    return tls;
}

int main(int count, char **arguments)
{
    if (count != 3) {
        fprintf(stderr, "usage: upstream CERTIFICATE KEY\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    memset(bulk, '.', BULK);
    poller = epoll_create1(0);
    SSL_CTX *tls = tls_of(arguments[1], arguments[2]);
    int plain_listener, tls_listener;
    int plain_port = listen_anywhere(&plain_listener, &plain_listener);
    int tls_port = listen_anywhere(&tls_listener, &tls_listener);
    printf("%d %d\n", plain_port, tls_port);
    fflush(stdout);
    struct epoll_event events[EVENTS];
    for (;;) {
        int ready = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            void *mark = events[i].data.ptr;
            if (mark == &plain_listener)
                welcome(plain_listener, NULL);
            else if (mark == &tls_listener)
                welcome(tls_listener, tls);
            else if (!advance(mark))
                dismiss(mark);
        }
    }
}
