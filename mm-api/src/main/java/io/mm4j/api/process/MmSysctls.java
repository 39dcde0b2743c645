// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import io.mm4j.api.InputException;
import io.mm4j.api.plugin.Sizes;
import java.util.Map;
import org.apiguardian.api.API;

/**
 * Machine-wide settings under {@code /proc/sys/vm} that calls look at.
 *
 * @param overcommitMemory {@code vm.overcommit_memory}: 0 heuristic, 1 always, 2 never
 * @param overcommitRatio {@code vm.overcommit_ratio}, percent, for mode 2
 * @param maxMapCount {@code vm.max_map_count}
 * @param mmapMinAddr {@code vm.mmap_min_addr}, bytes
 * @param lsmMmapMinAddr {@code CONFIG_LSM_MMAP_MIN_ADDR}, bytes; hints are raised to the larger
 * @param stackGuardGapPages {@code stack_guard_gap}
 * @param legacyVaLayout {@code vm.legacy_va_layout}
 * @param overcommitKbytes {@code vm.overcommit_kbytes}, for mode 2 in place of the ratio; 0 for
 *     none
 */
@API(status = API.Status.EXPERIMENTAL)
public record MmSysctls(
    int overcommitMemory,
    int overcommitRatio,
    int maxMapCount,
    long mmapMinAddr,
    long lsmMmapMinAddr,
    long stackGuardGapPages,
    boolean legacyVaLayout,
    long overcommitKbytes) {
  /** The defaults of the recordings' kernel. */
  public static final MmSysctls DEFAULTS = new MmSysctls(0, 50, 65530, 4096, 65536, 256, false);

  private static final String OVERCOMMIT_RATIO = "overcommit_ratio";
  private static final String OVERCOMMIT_KBYTES = "overcommit_kbytes";

  /** Without {@code vm.overcommit_kbytes}. */
  public MmSysctls(
      int overcommitMemory,
      int overcommitRatio,
      int maxMapCount,
      long mmapMinAddr,
      long lsmMmapMinAddr,
      long stackGuardGapPages,
      boolean legacyVaLayout) {
    this(
        overcommitMemory,
        overcommitRatio,
        maxMapCount,
        mmapMinAddr,
        lsmMmapMinAddr,
        stackGuardGapPages,
        legacyVaLayout,
        0);
  }

  /**
   * Writes one {@code vm.*} value among others, with what the kernel changes when it is written:
   * {@code overcommit_ratio} and {@code overcommit_kbytes} each set the other to 0, so that the one
   * written last counts. Models {@code overcommit_ratio_handler} and {@code
   * overcommit_kbytes_handler} (mm/util.c).
   *
   * @param values the values, by name without the prefix; changed
   */
  public static void write(Map<String, String> values, String name, String value) {
    values.put(name, value);
    if (name.equals(OVERCOMMIT_RATIO)) {
      values.put(OVERCOMMIT_KBYTES, "0");
    } else if (name.equals(OVERCOMMIT_KBYTES)) {
      values.put(OVERCOMMIT_RATIO, "0");
    }
  }

  /**
   * The defaults, with what is given in place of some: {@code overcommit_memory}, {@code
   * overcommit_ratio}, {@code overcommit_kbytes}, {@code max_map_count}, {@code mmap_min_addr} and
   * the boot parameter {@code stack_guard_gap}. Other names are other floors'. The values are those
   * of a moment, in no order; {@link #write} says what one does to another.
   *
   * @throws InputException for a value outside what the kernel allows
   */
  public static MmSysctls of(Map<String, String> given) {
    return DEFAULTS.with(given);
  }

  /**
   * These values, with what is given in place of some: see {@link #of}.
   *
   * @throws InputException for a value outside what the kernel allows
   */
  public MmSysctls with(Map<String, String> given) {
    return new MmSysctls(
        (int) number(given, "vm.overcommit_memory", overcommitMemory, 2),
        (int) number(given, "vm.overcommit_ratio", overcommitRatio, Integer.MAX_VALUE),
        (int) number(given, "vm.max_map_count", maxMapCount, Integer.MAX_VALUE),
        number(given, "vm.mmap_min_addr", mmapMinAddr, Integer.MAX_VALUE),
        lsmMmapMinAddr,
        number(given, "stack_guard_gap", stackGuardGapPages, 1 << 24),
        number(given, "vm.legacy_va_layout", legacyVaLayout ? 1 : 0, Integer.MAX_VALUE) != 0,
        number(given, "vm.overcommit_kbytes", overcommitKbytes, Long.MAX_VALUE >>> 10));
  }

  private static long number(
      Map<String, String> given, String fullName, long byDefault, long most) {
    String text = given.get(fullName.startsWith("vm.") ? fullName.substring(3) : fullName);
    if (text == null) {
      return byDefault;
    }
    boolean sysctl = fullName.startsWith("vm.");
    long value =
        sysctl
            ? Sizes.parseSysctl(text, fullName + "=")
            : Sizes.parseNumber(text.strip(), fullName + "=");
    if (Long.compareUnsigned(value, most) > 0) {
      throw new InputException("'" + text + "' is too large", fullName + "=", "0 to " + most);
    }
    return value;
  }
}
