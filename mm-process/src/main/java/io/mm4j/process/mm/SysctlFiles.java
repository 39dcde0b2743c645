// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.mm;

import io.mm4j.api.InputException;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.process.page.HugePool;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The files under {@code /proc/sys/vm} and {@code /proc/sys/kernel} that are written while
 * processes live ({@code ctl_table} of mm/util.c, mm/mmap.c, mm/hugetlb.c and ipc/ipc_sysctl.c,
 * Linux 6.18).
 */
public final class SysctlFiles {
  /** What {@link #write} takes. */
  private static final Set<String> WRITABLE =
      Set.of(
          "overcommit_memory",
          "overcommit_ratio",
          "overcommit_kbytes",
          "max_map_count",
          "mmap_min_addr",
          "legacy_va_layout");

  private final FloorContext context;
  private Map<String, String> written = Map.of();
  private @Nullable MmSysctls lastBefore;
  private MmSysctls lastNow = MmSysctls.DEFAULTS;

  SysctlFiles(FloorContext context) {
    this.context = context;
  }

  /** What calls look at under /proc/sys/vm: as a process had it, and what was written since. */
  public MmSysctls now(MmSysctls before) {
    if (written.isEmpty()) {
      return before;
    }
    if (!before.equals(lastBefore)) {
      lastBefore = before;
      lastNow = before.with(written);
    }
    return lastNow;
  }

  /**
   * Writes a file under /proc/sys/vm, or one about segments under /proc/sys/kernel.
   *
   * @return 0 or a negated errno
   */
  public long write(String name, String value) {
    if (name.equals("nr_hugepages") || name.equals("nr_overcommit_hugepages")) {
      long pages = pages(value);
      return name.equals("nr_hugepages")
          ? resizePool(context.hugePools().standard(), pages)
          : overcommitPool(context.hugePools().standard(), pages);
    }
    if (name.equals("unprivileged_userfaultfd")) {
      return context.userfaults.writeSysctl(value.strip());
    }
    if (!WRITABLE.contains(name)) {
      return context.segments.writeSysctl(name, value);
    }
    Map<String, String> now = new HashMap<>(written);
    MmSysctls.write(now, name, value);
    try {
      MmSysctls _ = MmSysctls.of(now);
    } catch (InputException e) {
      return -Errno.EINVAL;
    }
    written = now;
    lastBefore = null;
    return 0;
  }

  /**
   * Reads a file that {@link #write} writes.
   *
   * @param booted what the machine was booted with; a process that lives may have others
   */
  public Optional<String> read(String name, MmSysctls booted) {
    HugePool pool = context.hugePools().standard();
    MmSysctls now = context.spaces().stream().findFirst().map(Mm::sysctls).orElse(now(booted));
    return switch (name) {
      case "nr_hugepages" -> Optional.of(Long.toString(pool.persistent()));
      case "nr_overcommit_hugepages" -> Optional.of(Long.toString(pool.mostSurplus()));
      case "unprivileged_userfaultfd" ->
          Optional.of(context.userfaults.isUnprivileged() ? "1" : "0");
      case "overcommit_memory" -> Optional.of(Integer.toString(now.overcommitMemory()));
      case "overcommit_ratio" -> Optional.of(Integer.toString(now.overcommitRatio()));
      case "overcommit_kbytes" -> Optional.of(Long.toString(now.overcommitKbytes()));
      case "max_map_count" -> Optional.of(Integer.toString(now.maxMapCount()));
      case "mmap_min_addr" -> Optional.of(Long.toString(now.mmapMinAddr()));
      case "legacy_va_layout" -> Optional.of(legacyLayout(now));
      default -> context.segments.readSysctl(name);
    };
  }

  /** It keeps whatever number was written. */
  private String legacyLayout(MmSysctls now) {
    String text = written.get("legacy_va_layout");
    return text != null
        ? Long.toString(Sizes.parseSysctl(text, "legacy_va_layout"))
        : now.legacyVaLayout() ? "1" : "0";
  }

  /** A number of pages, a negative one if it is none or too large. */
  private static long pages(String value) {
    try {
      return Sizes.parseSysctl(value, "nr_hugepages");
    } catch (InputException e) {
      return -1;
    }
  }

  /** Writes {@code nr_hugepages} of a pool. */
  public static long resizePool(HugePool pool, long pages) {
    if (pages < 0) {
      return -Errno.EINVAL;
    }
    pool.resize(pages);
    return 0;
  }

  /** Writes {@code nr_overcommit_hugepages} of a pool; gigantic pages cannot be surplus. */
  public static long overcommitPool(HugePool pool, long pages) {
    if (pages < 0 || !pool.canHaveSurplus()) {
      return -Errno.EINVAL;
    }
    pool.mostSurplus(pages);
    return 0;
  }
}
