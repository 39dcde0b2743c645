// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.pagetable;

import java.util.List;
import java.util.OptionalLong;
import org.apiguardian.api.API;

/**
 * The flat segments that Linux puts in front of paging: a global descriptor table whose code and
 * data segments begin at 0 and reach over all addresses, so that a logical address is a linear one
 * - as far as the limit, the rights of the segment and, in 64-bit mode, the canonical form allow.
 *
 * <p>Descriptors are the hardware's 8 bytes: base, limit, granularity, type, privilege.
 *
 * @param descriptors the table, entry by entry; 0 where none is
 * @param longMode 64-bit mode: base and limit of code and data segments count for nothing
 * @param addressBits width of a linear address
 * @param kernelCode {@code __KERNEL_CS}: the selector of the kernel's code
 * @param kernelData {@code __KERNEL_DS}
 * @param userCode {@code __USER_CS}, privilege 3 in it
 * @param userData {@code __USER_DS}
 */
@API(status = API.Status.EXPERIMENTAL)
public record Segmentation(
    List<Long> descriptors,
    boolean longMode,
    int addressBits,
    int kernelCode,
    int kernelData,
    int userCode,
    int userData) {
  private static final long PRESENT = 1L << 47;
  private static final long CODE_OR_DATA = 1L << 44;
  private static final long EXECUTABLE = 1L << 43;
  private static final long EXPANDS_DOWN = 1L << 42;
  private static final long WRITABLE_OR_READABLE = 1L << 41;
  private static final long GRANULAR = 1L << 55;

  /** Copies the list. */
  public Segmentation {
    descriptors = List.copyOf(descriptors);
  }

  /**
   * The descriptor that a selector names, its two lowest bits (the requested privilege) and the bit
   * of a local table aside; 0 if there is none.
   */
  public long descriptor(int selector) {
    int index = selector >>> 3;
    return (selector & 4) != 0 || index >= descriptors.size() ? 0 : descriptors.get(index);
  }

  /** The first linear address of a segment. */
  public long base(long descriptor) {
    return (descriptor >>> 16 & 0xff_ffff) | (descriptor >>> 32 & 0xff00_0000L);
  }

  /** The last offset in a segment, granularity counted. */
  public long limit(long descriptor) {
    long limit = (descriptor & 0xffff) | (descriptor >>> 32 & 0xf_0000);
    return (descriptor & GRANULAR) != 0 ? limit << 12 | 0xfff : limit;
  }

  /** The privilege that is needed: 0 is the kernel's, 3 the user's. */
  public int privilege(long descriptor) {
    return (int) (descriptor >>> 45) & 3;
  }

  /**
   * The linear address of a logical one.
   *
   * @param selector which segment, with the requested privilege in the two lowest bits
   * @param offset in the segment
   * @param bytes how many are accessed, 1 or more
   * @param kind bits of {@link Mmu}; {@link Mmu#USER} is privilege 3
   * @return empty where the CPU raises a general protection fault: no such segment, not enough
   *     privilege, a write to code or to read-only data, a fetch from data, beyond the limit, or
   *     not canonical
   */
  public OptionalLong linear(int selector, long offset, int bytes, int kind) {
    long descriptor = descriptor(selector);
    int current = (kind & Mmu.USER) != 0 ? 3 : 0;
    boolean code = (descriptor & EXECUTABLE) != 0;
    boolean allowed = (descriptor & WRITABLE_OR_READABLE) != 0;
    boolean good =
        (descriptor & (PRESENT | CODE_OR_DATA)) == (PRESENT | CODE_OR_DATA)
            && (code || (descriptor & EXPANDS_DOWN) == 0)
            && Math.max(current, selector & 3) <= privilege(descriptor)
            && ((kind & Mmu.FETCH) == 0 || code)
            && ((kind & Mmu.WRITE) == 0 || (allowed && !code))
            && ((kind & (Mmu.WRITE | Mmu.FETCH)) != 0 || !code || allowed);
    if (!good) {
      return OptionalLong.empty();
    }
    return longMode ? inLongMode(offset, bytes) : inLimit(descriptor, offset, bytes);
  }

  private OptionalLong inLongMode(long offset, int bytes) {
    int spare = 64 - addressBits;
    long last = offset + bytes - 1;
    boolean canonical = offset << spare >> spare == offset && last << spare >> spare == last;
    return canonical ? OptionalLong.of(offset) : OptionalLong.empty();
  }

  private OptionalLong inLimit(long descriptor, long offset, int bytes) {
    long limit = limit(descriptor);
    boolean inside = offset >= 0 && offset <= limit && offset + bytes - 1 <= limit;
    return inside
        ? OptionalLong.of((base(descriptor) + offset) & 0xffff_ffffL)
        : OptionalLong.empty();
  }
}
