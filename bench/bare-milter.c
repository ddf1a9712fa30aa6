/*
 * The floor below bare-milter.ts: the least that a milter in C can do, without libmilter. One process and poll(2); it replies
 * where Postern does, to RCPT with CONTINUE and to DATA with ACCEPT. Argument: the path of a unix socket.
 * Built and run by milter-postfix.ts where a C compiler is installed.
 */
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { MOST = 1024, SPACE = 65536 };
static struct pollfd polled[MOST];
static unsigned char held[MOST][SPACE]; /* bytes of a frame that is not complete yet */
static size_t length[MOST];

static uint32_t number(const unsigned char *at) {
  return (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

/* Writes the reply that a frame with this command gets, if any. */
static void reply(int fd, unsigned char command) {
  static const char negotiated[] = "\0\0\0\x0dO\0\0\0\x06\0\0\0\0\0\0\x51\x72";
  if (command == 'O') (void)!write(fd, negotiated, 17);
  if (command == 'T') (void)!write(fd, "\0\0\0\001a", 5);
  if (strchr("RHEB", command) != NULL) (void)!write(fd, "\0\0\0\001c", 5);
}

/* Reads what has come and answers each complete frame; returns 0 at the end of the connection. */
static int serve(int at) {
  ssize_t got = read(polled[at].fd, held[at] + length[at], SPACE - length[at]);
  if (got <= 0) return 0;
  length[at] += (size_t)got;
  size_t begin = 0;
  while (length[at] - begin >= 5 && length[at] - begin >= 4 + number(held[at] + begin)) {
    reply(polled[at].fd, held[at][begin + 4]);
    begin += 4 + number(held[at] + begin);
  }
  memmove(held[at], held[at] + begin, length[at] - begin);
  length[at] -= begin;
  return 1;
}

int main(int count, char **arguments) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (count != 2 || strlen(arguments[1]) >= sizeof address.sun_path) return 2;
  strcpy(address.sun_path, arguments[1]);
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 128) != 0) return 1;
  chmod(arguments[1], 0666);
  polled[0] = (struct pollfd){.fd = listener, .events = POLLIN};
  int used = 1;
  while (poll(polled, (nfds_t)used, -1) > 0) {
    for (int at = used - 1; at > 0; at--) {
      if (polled[at].revents == 0 || serve(at)) continue;
      close(polled[at].fd);
      polled[at] = polled[--used];
      memmove(held[at], held[used], length[at] = length[used]);
    }
    if (polled[0].revents != 0 && used < MOST) {
      polled[used] = (struct pollfd){.fd = accept(listener, NULL, NULL), .events = POLLIN};
      length[used++] = 0;
    }
  }
}
