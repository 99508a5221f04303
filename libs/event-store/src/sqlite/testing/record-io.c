// Records, in order, what a process writes and syncs below one folder. Preloaded (LD_PRELOAD) into a real run of
// the adapter; power-cut.spec.ts compiles it and cuts the power at every place of the record.
//
// A record: kind, length of the path (u16), path, offset (u64), length of the data (u32), data. The -shm file is
// left out: it is memory, and gone after a power cut.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_FDS 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *paths[MOST_FDS];
static const char *folder;
static int record = -1;

static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off_t);
static int (*real_unlink)(const char *);

__attribute__((constructor)) static void begin(void) {
  real_open = dlsym(RTLD_NEXT, "open64");
  real_close = dlsym(RTLD_NEXT, "close");
  real_write = dlsym(RTLD_NEXT, "write");
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
  real_unlink = dlsym(RTLD_NEXT, "unlink");
  folder = getenv("GATEHOUSE_RECORD_FOLDER");
  const char *file = getenv("GATEHOUSE_RECORD_FILE");
  if (folder && file) record = real_open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

static int ends(const char *path, const char *end) {
  size_t a = strlen(path), b = strlen(end);
  return a >= b && strcmp(path + a - b, end) == 0;
}

static int ours(const char *path) {
  return record >= 0 && path && strncmp(path, folder, strlen(folder)) == 0 && !ends(path, "-shm");
}

static const char *path_of(int fd) { return fd >= 0 && fd < MOST_FDS ? paths[fd] : NULL; }

static void must_write(const void *data, size_t length) {
  const char *at = data;
  while (length > 0) {
    ssize_t n = real_write(record, at, length);
    if (n <= 0) abort();
    at += n;
    length -= n;
  }
}

static void note(char kind, const char *path, uint64_t offset, const void *data, uint32_t length) {
  uint16_t size = strlen(path);
  must_write(&kind, 1);
  must_write(&size, 2);
  must_write(path, size);
  must_write(&offset, 8);
  must_write(&length, 4);
  if (length) must_write(data, length);
}

// The call and its record are one step, so that the record has the order in which things happened.
#define STEP(type, call, done) \
  pthread_mutex_lock(&lock);   \
  type result = call;          \
  int failed = errno;          \
  if (result >= 0) { done; }   \
  pthread_mutex_unlock(&lock); \
  errno = failed;              \
  return result;

static int opened(const char *path, int flags, mode_t mode) {
  struct stat there;
  int is_new = ours(path) && (flags & O_CREAT) && stat(path, &there) != 0;
  STEP(int, real_open(path, flags, mode), {
    if (ours(path) && result < MOST_FDS) {
      free(paths[result]);
      paths[result] = strdup(path);
      if (is_new) note('C', path, 0, NULL, 0);
      if (flags & O_TRUNC) note('T', path, 0, NULL, 0);
    }
  })
}

#define WITH_MODE            \
  va_list args;              \
  va_start(args, flags);     \
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0; \
  va_end(args);

int open64(const char *path, int flags, ...) { WITH_MODE return opened(path, flags, mode); }
int open(const char *path, int flags, ...) { WITH_MODE return opened(path, flags, mode); }

int close(int fd) {
  STEP(int, real_close(fd), {
    if (fd >= 0 && fd < MOST_FDS) {
      free(paths[fd]);
      paths[fd] = NULL;
    }
  })
}

ssize_t write(int fd, const void *data, size_t length) {
  const char *path = path_of(fd);
  if (!path) return real_write(fd, data, length);
  off_t at = lseek(fd, 0, SEEK_CUR);
  STEP(ssize_t, real_write(fd, data, length), note('W', path, at, data, result))
}

static ssize_t written(int fd, const void *data, size_t length, off_t at) {
  const char *path = path_of(fd);
  if (!path) return real_pwrite(fd, data, length, at);
  STEP(ssize_t, real_pwrite(fd, data, length, at), note('W', path, at, data, result))
}

ssize_t pwrite64(int fd, const void *data, size_t length, off_t at) { return written(fd, data, length, at); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t at) { return written(fd, data, length, at); }

int fsync(int fd) {
  const char *path = path_of(fd);
  if (!path) return real_fsync(fd);
  STEP(int, real_fsync(fd), note('S', path, 0, NULL, 0))
}

int fdatasync(int fd) {
  const char *path = path_of(fd);
  if (!path) return real_fdatasync(fd);
  STEP(int, real_fdatasync(fd), note('S', path, 0, NULL, 0))
}

static int truncated(int fd, off_t size) {
  const char *path = path_of(fd);
  if (!path) return real_ftruncate(fd, size);
  STEP(int, real_ftruncate(fd, size), note('T', path, size, NULL, 0))
}

int ftruncate64(int fd, off_t size) { return truncated(fd, size); }
int ftruncate(int fd, off_t size) { return truncated(fd, size); }

int unlink(const char *path) {
  if (!ours(path)) return real_unlink(path);
  STEP(int, real_unlink(path), note('U', path, 0, NULL, 0))
}
