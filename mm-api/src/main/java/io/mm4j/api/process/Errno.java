// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import org.apiguardian.api.API;

/**
 * Error numbers of Linux x86-64 that memory calls return, and their names. A system call returns
 * the negated number; a result counts as an error when it is in -4095..-1.
 */
@API(status = API.Status.EXPERIMENTAL)
public final class Errno {
  public static final int EPERM = 1;
  public static final int ENOENT = 2;
  public static final int ESRCH = 3;
  public static final int EINTR = 4;
  public static final int EIO = 5;
  public static final int E2BIG = 7;
  public static final int ENOEXEC = 8;
  public static final int ENXIO = 6;
  public static final int EBADF = 9;
  public static final int ECHILD = 10;
  public static final int EAGAIN = 11;
  public static final int ENOMEM = 12;
  public static final int EACCES = 13;
  public static final int EFAULT = 14;
  public static final int EBUSY = 16;
  public static final int EEXIST = 17;
  public static final int ENODEV = 19;
  public static final int EINVAL = 22;
  public static final int EFBIG = 27;
  public static final int ENOSPC = 28;
  public static final int ESPIPE = 29;
  public static final int EPIPE = 32;
  public static final int ENOSYS = 38;
  public static final int EIDRM = 43;
  public static final int EOVERFLOW = 75;
  public static final int ELIBBAD = 80;
  public static final int EOPNOTSUPP = 95;

  /** The largest error number: results below -4095 are values. */
  public static final int MAX_ERRNO = 4095;

  private static final String[] NAMES = names();

  private Errno() {}

  /** Whether a raw result of a system call is an error. */
  public static boolean isError(long result) {
    return result < 0 && result >= -MAX_ERRNO;
  }

  /**
   * The name of a (positive) error number, such as {@code EINVAL}; {@code E1691} for a number that
   * has no name.
   */
  public static String nameOf(int errno) {
    if (errno > 0 && errno < NAMES.length && !NAMES[errno].isEmpty()) {
      return NAMES[errno];
    }
    return "E" + errno;
  }

  private static String[] names() {
    String all =
        " EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT"
            + " ENOTBLK EBUSY EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY"
            + " ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK ENAMETOOLONG"
            + " ENOLCK ENOSYS ENOTEMPTY ELOOP - ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT EL3RST ELNRNG"
            + " EUNATCH ENOCSI EL2HLT EBADE EBADR EXFULL ENOANO EBADRQC EBADSLT - EBFONT ENOSTR"
            + " ENODATA ETIME ENOSR ENONET ENOPKG EREMOTE ENOLINK EADV ESRMNT ECOMM EPROTO"
            + " EMULTIHOP EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ EBADFD EREMCHG ELIBACC ELIBBAD"
            + " ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART ESTRPIPE EUSERS ENOTSOCK EDESTADDRREQ"
            + " EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP"
            + " EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET"
            + " ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETOOMANYREFS ETIMEDOUT"
            + " ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS ESTALE EUCLEAN ENOTNAM"
            + " ENAVAIL EISNAM EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE ECANCELED ENOKEY EKEYEXPIRED"
            + " EKEYREVOKED EKEYREJECTED EOWNERDEAD ENOTRECOVERABLE ERFKILL EHWPOISON";
    String[] names = all.split(" ", -1);
    for (int i = 0; i < names.length; i++) {
      names[i] = names[i].equals("-") ? "" : names[i];
    }
    return names;
  }
}
