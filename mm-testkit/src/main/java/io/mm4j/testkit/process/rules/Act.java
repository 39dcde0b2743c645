// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.testkit.process.naive.NaiveProcess;
import io.mm4j.testkit.process.naive.NaiveTouches;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * One call or touch with all its arguments, to be made in any number of address spaces.
 *
 * @param kind which call
 * @param process whose, by place in the list of processes
 * @param addr first argument
 * @param len second argument
 * @param more new length, file offset, or the byte to write
 * @param bits protection, advice or resource
 * @param flags flags of the call
 * @param other new address, or file descriptor
 */
public record Act(
    Kind kind, int process, long addr, long len, long more, long bits, long flags, long other) {
  /** Where mincore writes its answers: a page that no other call is aimed at. */
  static final long SCRATCH = 0x18000000L;

  /** The calls. */
  public enum Kind {
    MMAP,
    MUNMAP,
    MPROTECT,
    MREMAP,
    BRK,
    MADVISE,
    MLOCK,
    MUNLOCK,
    MLOCKALL,
    MUNLOCKALL,
    MSEAL,
    SETRLIMIT,
    MINCORE,
    READ,
    WRITE,
    EXEC,
    FORK,
    EXIT,
    MSYNC
  }

  /**
   * What a call gave.
   *
   * @param value the raw result; 0 for touches
   * @param text outcome and value of a touch, the vector of mincore, else empty
   */
  record Answer(long value, String text) {
    Answer(long value) {
      this(value, "");
    }

    boolean isError() {
      return Errno.isError(value);
    }

    @Override
    public String toString() {
      String shown = isError() ? "-" + Errno.nameOf((int) -value) : "0x" + Long.toHexString(value);
      return text.isEmpty() ? shown : value == 0 ? text : shown + " " + text;
    }
  }

  private Answer touched(TouchOutcome outcome) {
    String where = outcome.uaddr() == addr ? "" : " of " + hex(outcome.uaddr());
    String value = outcome.value() < 0 ? "" : " " + outcome.value();
    return new Answer(0, outcome.kind() + where + value);
  }

  /** Makes the call; FORK and EXIT are the caller's. */
  Answer on(AddressSpace mm) {
    return switch (kind) {
      case MMAP -> new Answer(mm.mmap(addr, len, bits, flags, other, more));
      case MUNMAP -> new Answer(mm.munmap(addr, len));
      case MPROTECT -> new Answer(mm.mprotect(addr, len, bits));
      case MREMAP -> new Answer(mm.mremap(addr, len, more, flags, other));
      case BRK -> new Answer(mm.brk(addr));
      case MADVISE -> new Answer(mm.madvise(addr, len, bits));
      case MLOCK -> new Answer(flags == 0 ? mm.mlock(addr, len) : mm.mlock2(addr, len, flags));
      case MUNLOCK -> new Answer(mm.munlock(addr, len));
      case MLOCKALL -> new Answer(mm.mlockall(flags));
      case MUNLOCKALL -> new Answer(mm.munlockall());
      case MSYNC -> new Answer(mm.msync(addr, len, flags));
      case MSEAL -> new Answer(mm.mseal(addr, len, flags));
      case SETRLIMIT -> new Answer(mm.setrlimit(resource(), len, 0));
      case MINCORE -> {
        StringBuilder vector = new StringBuilder();
        long result = mm.mincore(addr, len, SCRATCH, vector::append);
        yield new Answer(result, vector.toString());
      }
      case READ -> touched(mm.read(addr));
      case WRITE -> touched(mm.write(addr, (int) more));
      case EXEC -> touched(mm.execute(addr));
      case FORK, EXIT -> throw new IllegalStateException("kind=" + kind);
    };
  }

  /** Makes the call in the model. */
  Answer on(NaiveProcess model) {
    return switch (kind) {
      case MMAP -> new Answer(model.calls.mmap(addr, len, bits, flags, (int) other, more));
      case MUNMAP -> new Answer(model.space.munmap(addr, len));
      case MPROTECT -> new Answer(model.flagCalls.mprotect(addr, len, bits));
      case MREMAP -> new Answer(model.mremap.mremap(addr, len, more, flags, other));
      case BRK -> new Answer(model.calls.brk(addr));
      case MADVISE -> new Answer(model.flagCalls.madvise(addr, len, (int) bits));
      case MLOCK -> new Answer(model.flagCalls.mlock(addr, len, flags != 0));
      case MUNLOCK -> new Answer(model.flagCalls.munlock(addr, len));
      case MLOCKALL -> new Answer(model.flagCalls.mlockall(flags));
      case MUNLOCKALL -> new Answer(model.flagCalls.munlockall());
      case MSYNC -> new Answer(model.flagCalls.msync(addr, len, flags));
      case MSEAL -> new Answer(model.flagCalls.mseal(addr, len, flags));
      case SETRLIMIT -> new Answer(model.calls.setrlimit(resource(), len));
      case MINCORE -> {
        long[] error = new long[1];
        @Nullable String vector = model.touches.mincore(addr, len, SCRATCH, error);
        yield new Answer(error[0], vector == null ? "" : vector);
      }
      case READ -> touched(model.touches.touch(addr, NaiveTouches.Access.READ, -1));
      case WRITE -> touched(model.touches.touch(addr, NaiveTouches.Access.WRITE, (int) more));
      case EXEC -> touched(model.touches.touch(addr, NaiveTouches.Access.EXEC, -1));
      case FORK, EXIT -> throw new IllegalStateException("kind=" + kind);
    };
  }

  ResourceLimit resource() {
    return switch ((int) bits) {
      case 0 -> ResourceLimit.AS;
      case 1 -> ResourceLimit.DATA;
      case 2 -> ResourceLimit.STACK;
      default -> ResourceLimit.MEMLOCK;
    };
  }

  private static String hex(long value) {
    return value < 0 ? Long.toString(value) : "0x" + Long.toHexString(value);
  }

  @Override
  public String toString() {
    String who = process == 0 ? "" : "p" + process + " ";
    String name = kind.name().toLowerCase(Locale.ROOT);
    String range = hex(addr) + ", " + hex(len);
    return who
        + switch (kind) {
          case MMAP ->
              "mmap(%s, prot %d, flags %s, fd %d, %s)"
                  .formatted(range, bits, hex(flags), other, hex(more));
          case MPROTECT, MADVISE -> name + "(" + range + ", " + bits + ")";
          case MREMAP ->
              "mremap(%s, %s, flags %d, %s)".formatted(range, hex(more), flags, hex(other));
          case BRK, READ, EXEC -> name + "(" + hex(addr) + ")";
          case WRITE -> "write(" + hex(addr) + ", " + more + ")";
          case MLOCK -> (flags == 0 ? "mlock(" : "mlock2(") + range + ")";
          case MLOCKALL -> "mlockall(" + flags + ")";
          case SETRLIMIT -> "setrlimit(" + resource() + ", " + hex(len) + ")";
          case MUNLOCKALL, FORK, EXIT -> name + "()";
          case MSEAL, MSYNC -> name + "(" + range + ", flags " + flags + ")";
          case MUNMAP, MUNLOCK, MINCORE -> name + "(" + range + ")";
        };
  }
}
