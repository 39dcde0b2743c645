// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.exec;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ExecRequest;
import io.mm4j.api.process.ExecRequest.Abi;
import io.mm4j.api.process.MmLayout;
import io.mm4j.process.mm.Mm;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * The first stack of a program: {@code copy_strings()} (fs/exec.c) and {@code create_elf_tables()}
 * (fs/binfmt_elf.c, Linux 6.18 and 2.4).
 *
 * <p>Layout, from the end of user space downwards: a zero word; the program's name; the strings of
 * the environment, then those of the arguments, the first one lowest; the platform's name and 16
 * random bytes; then, upwards from a border of 16 bytes where the stack pointer is, argc, the
 * addresses of the arguments, 0, those of the environment, 0, and pairs of the auxiliary vector up
 * to AT_NULL.
 */
final class StackImage {
  private static final long MAX_ARG_STRLEN = 128L << 10;
  private static final long ARG_MAX = 128L << 10;
  private static final long MOST_BYTES = 6L << 20;

  /** {@code MAX_ARG_PAGES} of 2.4, all strings together. */
  private static final long ARG_PAGES_24 = 32 * Mm.PAGE;

  private static final int RANDOM_BYTES = 16;

  /** Where {@code __kernel_vsyscall} lies in the vdso of 32 bits; any place would do here. */
  private static final long VSYSCALL_OFFSET = 0x570;

  private final ExecRequest request;
  private final boolean old;
  private final int word;

  /** A word of the kernel, which leaves one of its own above a 32-bit program's strings, too. */
  private final int kernelWord;

  private final List<byte[]> arguments;
  private final List<byte[]> environment;
  private final long pathAt;
  private final long envEnd;
  private final long envStart;
  private final long argStart;
  private long pointer;

  StackImage(ExecRequest request) {
    this.request = request;
    Abi abi = request.abi();
    old = abi == Abi.I386_24;
    word = abi.is64() ? 8 : 4;
    kernelWord = ExecLayout.kernelWord(abi);
    arguments = strings(request.arguments().isEmpty() ? List.of("") : request.arguments());
    environment = strings(request.environment());
    pathAt = ExecLayout.taskSize(abi) - kernelWord - string(request.path()).length;
    envEnd = pathAt;
    envStart = envEnd - total(environment);
    argStart = envStart - total(arguments);
  }

  private static byte[] string(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return java.util.Arrays.copyOf(bytes, bytes.length + 1);
  }

  private static List<byte[]> strings(List<String> texts) {
    return texts.stream().map(StackImage::string).toList();
  }

  private static long total(List<byte[]> strings) {
    return strings.stream().mapToLong(s -> s.length).sum();
  }

  /**
   * {@code bprm_stack_limits()} and {@code acct_stack_growth()} under {@code get_arg_page()}: 0, or
   * {@code -E2BIG}. 2.4 looks at neither limit.
   *
   * @param stackLimit RLIMIT_STACK, bytes, unsigned
   * @param asLimit RLIMIT_AS, bytes, unsigned
   */
  long check(long stackLimit, long asLimit) {
    long top = ExecLayout.taskSize(request.abi());
    long bytes = top - kernelWord - argStart;
    int count = arguments.size() + environment.size();
    if (old) {
      long room = ARG_PAGES_24 - kernelWord;
      boolean many = Math.max(arguments.size(), environment.size()) > room / kernelWord;
      return many || bytes > room ? -Errno.E2BIG : 0;
    }
    long most = Math.max(Math.min(MOST_BYTES, stackLimit >>> 2), ARG_MAX);
    long pointers = (long) count * kernelWord;
    boolean large =
        arguments.stream().anyMatch(s -> s.length > MAX_ARG_STRLEN)
            || environment.stream().anyMatch(s -> s.length > MAX_ARG_STRLEN);
    long area = top - (argStart & Mm.PAGE_MASK);
    boolean grows = area > Mm.PAGE; // the first page is there, whatever the limits are
    return large
            || pointers >= most
            || bytes > most - pointers
            || (grows && Long.compareUnsigned(area, stackLimit) > 0)
            || (grows && Long.compareUnsigned(area, asLimit) > 0)
        ? -Errno.E2BIG
        : 0;
  }

  /** The lowest address that has a string. */
  long bottom() {
    return argStart;
  }

  /** {@code copy_strings}: 0, or {@code -E2BIG} where {@code get_arg_page} gives no page. */
  long writeStrings(UserBytes bytes) {
    long error = bytes.write(pathAt, string(request.path()));
    long at = argStart;
    for (byte[] text : arguments) {
      error |= bytes.write(at, text);
      at += text.length;
    }
    for (byte[] text : environment) {
      error |= bytes.write(at, text);
      at += text.length;
    }
    return error != 0 ? -Errno.E2BIG : 0;
  }

  /**
   * Writes what is below the strings; 0 or a negated errno.
   *
   * @param vdso its address, 0 if there is none
   */
  long writeTables(UserBytes bytes, ElfLoad load, long vdso) {
    long p = argStart & -16;
    byte[] platform = string(request.abi().platform());
    p -= platform.length;
    long platformAt = p;
    long error = bytes.write(p, platform);
    long randomAt = 0;
    if (!old) {
      p -= RANDOM_BYTES;
      randomAt = p;
      byte[] random = new byte[RANDOM_BYTES];
      new Random(request.auxiliary().seed()).nextBytes(random);
      error |= bytes.write(p, random);
    }
    List<long[]> auxv = old ? auxv24(load, platformAt) : auxv(load, vdso, platformAt, randomAt);
    long items = 1L + arguments.size() + 1 + environment.size() + 1;
    p -= 2L * auxv.size() * word;
    pointer = p - items * word & -16;
    long at = pointer;
    error |= bytes.word(at, arguments.size(), word);
    at += word;
    error |= pointers(bytes, at, argStart, arguments);
    at += (arguments.size() + 1L) * word;
    error |= pointers(bytes, at, envStart, environment);
    at += (environment.size() + 1L) * word;
    for (long[] pair : auxv) {
      error |= bytes.word(at, pair[0], word);
      error |= bytes.word(at + word, pair[1], word);
      at += 2L * word;
    }
    return error != 0 ? -Errno.EFAULT : 0;
  }

  /** Writes the addresses of strings that lie one behind the other, and 0; 0 or an error. */
  private long pointers(UserBytes bytes, long from, long text, List<byte[]> strings) {
    long at = from;
    long p = text;
    long error = 0;
    for (byte[] each : strings) {
      error |= bytes.word(at, p, word);
      p += each.length;
      at += word;
    }
    return error | bytes.word(at, 0, word);
  }

  private List<long[]> auxv(ElfLoad load, long vdso, long platformAt, long randomAt) {
    ExecRequest.Auxiliary aux = request.auxiliary();
    List<long[]> all = new ArrayList<>();
    if (vdso != 0) {
      if (!request.abi().is64()) {
        add(all, 32, vdso + VSYSCALL_OFFSET);
      }
      add(all, 33, vdso);
    }
    add(all, 51, aux.minSignalStackBytes());
    add(all, 16, aux.hwcap());
    add(all, 6, 4096);
    add(all, 17, 100);
    ofProgram(all, load);
    add(all, 23, 0);
    add(all, 25, randomAt);
    add(all, 26, aux.hwcap2());
    add(all, 31, pathAt);
    add(all, 15, platformAt);
    add(all, 27, 28);
    add(all, 28, 32);
    add(all, 0, 0);
    return all;
  }

  private List<long[]> auxv24(ElfLoad load, long platformAt) {
    List<long[]> all = new ArrayList<>();
    ofProgram(all, load);
    add(all, 16, request.auxiliary().hwcap());
    add(all, 6, 4096);
    add(all, 17, 100);
    add(all, 15, platformAt);
    add(all, 0, 0);
    return all;
  }

  /** AT_PHDR to AT_EGID. */
  private void ofProgram(List<long[]> all, ElfLoad load) {
    ExecRequest.Auxiliary aux = request.auxiliary();
    add(all, 3, load.programHeaders);
    add(all, 4, load.image.headerBytes());
    add(all, 5, load.image.segments().size());
    add(all, 7, load.interpreterBase);
    add(all, 8, 0);
    add(all, 9, load.programEntry);
    add(all, 11, aux.uid());
    add(all, 12, aux.uid());
    add(all, 13, aux.gid());
    add(all, 14, aux.gid());
  }

  private static void add(List<long[]> all, long type, long value) {
    all.add(new long[] {type, value});
  }

  /** What {@code mm_struct} says when everything stands. */
  MmLayout layout(MmLayout empty, ElfLoad load) {
    return new MmLayout(
        empty.taskSize(),
        empty.mmapBase(),
        empty.topDown(),
        empty.compat32(),
        load.startCode,
        load.endCode,
        load.startData,
        load.endData,
        load.brk,
        load.brk,
        pointer,
        argStart,
        envStart,
        envStart,
        envEnd);
  }
}
