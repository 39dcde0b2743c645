// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import java.util.List;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * What the kernel looks at in an ELF file before it maps it. {@link ElfReader} makes one.
 *
 * @param is64 Elf64 of x86-64; else Elf32 of the 386
 * @param type {@link #ET_EXEC} or {@link #ET_DYN}
 * @param entry where it begins ({@code e_entry})
 * @param headerOffset where the program headers are in the file ({@code e_phoff})
 * @param segments the program headers, in their order
 * @param interpreter the path that PT_INTERP names, or null
 * @param stack what PT_GNU_STACK wants
 */
@API(status = API.Status.EXPERIMENTAL)
public record ElfImage(
    boolean is64,
    int type,
    long entry,
    long headerOffset,
    List<Segment> segments,
    @Nullable String interpreter,
    StackRight stack) {
  /** Its addresses are fixed. */
  public static final int ET_EXEC = 2;

  /** It can lie anywhere. */
  public static final int ET_DYN = 3;

  /** A segment that is mapped. */
  public static final int PT_LOAD = 1;

  /** The name of the interpreter. */
  public static final int PT_INTERP = 3;

  /** Whether the stack may be executed. */
  public static final int PT_GNU_STACK = 0x6474e551;

  /** Flag of a segment: execute. */
  public static final int PF_X = 1;

  /** Flag of a segment: write. */
  public static final int PF_W = 2;

  /** Flag of a segment: read. */
  public static final int PF_R = 4;

  /** Copies the list. */
  public ElfImage {
    segments = List.copyOf(segments);
  }

  /** What the file says about executing the stack. */
  @API(status = API.Status.EXPERIMENTAL)
  public enum StackRight {
    /** Nothing: a 32-bit program may execute all that it may read, a 64-bit one no stack. */
    DEFAULT,
    /** It may be executed. */
    EXECUTE,
    /** It may not. */
    NO_EXECUTE
  }

  /**
   * A program header.
   *
   * @param type {@code p_type}
   * @param flags {@code p_flags}
   * @param offset {@code p_offset}, bytes
   * @param vaddr {@code p_vaddr}
   * @param fileBytes {@code p_filesz}
   * @param memoryBytes {@code p_memsz}
   * @param align {@code p_align}
   */
  @API(status = API.Status.EXPERIMENTAL)
  public record Segment(
      int type, int flags, long offset, long vaddr, long fileBytes, long memoryBytes, long align) {
    /** Whether it is mapped. */
    public boolean isLoad() {
      return type == PT_LOAD;
    }

    /** The rights as mmap takes them. */
    public long prot() {
      return ((flags & PF_R) != 0 ? 1 : 0)
          | ((flags & PF_W) != 0 ? 2 : 0)
          | ((flags & PF_X) != 0 ? 4 : 0);
    }
  }

  /** Size of a program header in the file. */
  public int headerBytes() {
    return is64 ? 56 : 32;
  }

  /** Bytes of an address. */
  public int wordBytes() {
    return is64 ? 8 : 4;
  }
}
