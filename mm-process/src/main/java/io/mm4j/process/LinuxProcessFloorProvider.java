// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import io.mm4j.api.boot.CommandLine;
import io.mm4j.api.memory.BootAllocator;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.plugin.OptionSpec;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.Setting;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ProcessFloorProvider;
import io.mm4j.api.process.ThpMode;
import java.util.List;
import java.util.Map;

/** Provides {@link LinuxProcessFloor} as {@code linux}. */
public final class LinuxProcessFloorProvider implements ProcessFloorProvider {
  /** The kernel has a zero page for anonymous memory. */
  static final String ZERO_PAGE = "zero-page";

  /** {@code CONFIG_ANON_VMA_NAME}. */
  static final String ANON_VMA_NAME = "anon-vma-name";

  /** {@code CONFIG_MEM_SOFT_DIRTY}. */
  static final String SOFT_DIRTY = "soft-dirty";

  /** {@code CONFIG_KSM}. */
  static final String KSM = "ksm";

  /** The CPU has protection keys. */
  static final String PKEYS = "pkeys";

  /** How many nodes policies may name; 0 for those that have memory. */
  static final String NODES = "numa-nodes";

  /** The disk's {@code read_ahead_kb}. */
  static final String READ_AHEAD = "read-ahead-kb";

  /** For {@code ServiceLoader}. */
  public LinuxProcessFloorProvider() {}

  @Override
  public String name() {
    return "linux";
  }

  @Override
  public String summary() {
    return "as Linux 6.18: the mmap family, page faults, fork, exec, tasks";
  }

  @Override
  public List<Setting> settings() {
    return List.of(
        Setting.sysctl("overcommit_memory", "0 heuristic, 1 always, 2 never"),
        Setting.sysctl("overcommit_ratio", "percent of RAM that mode 2 promises"),
        Setting.sysctl("overcommit_kbytes", "KiB that mode 2 promises, in place of the ratio"),
        Setting.sysctl("max_map_count", "the most VMAs of a process"),
        Setting.sysctl("nr_hugepages", "huge pages of the default size in their pool"),
        Setting.sysctl("nr_overcommit_hugepages", "how many more may be taken when needed"),
        Setting.ordered(
            HugePageWords.DEFAULT_SIZE, OptionSpec.Type.SIZE, "the default size of huge pages"),
        Setting.ordered(
            HugePageWords.SIZE, OptionSpec.Type.SIZE, "the size that hugepages= after it is about"),
        Setting.ordered(
            HugePageWords.PAGES, OptionSpec.Type.NUMBER, "huge pages in the pool of their size"),
        Setting.sysctl("mmap_min_addr", "the lowest address that a process may map"),
        Setting.sysctl("unprivileged_userfaultfd", "1: everybody may answer faults of the kernel"),
        Setting.parameter("stack_guard_gap", OptionSpec.Type.NUMBER, "pages below a stack"),
        Setting.parameter(
            ThpMode.PARAMETER, OptionSpec.Type.TEXT, "always, madvise, never: huge pages"));
  }

  @Override
  public List<OptionSpec> options() {
    return List.of(
        new OptionSpec(
            ZERO_PAGE,
            OptionSpec.Type.BOOLEAN,
            "true",
            "whether reads of memory that was never written map the zero page"),
        new OptionSpec(
            ANON_VMA_NAME,
            OptionSpec.Type.BOOLEAN,
            "false",
            "whether anonymous memory can have names (CONFIG_ANON_VMA_NAME)"),
        new OptionSpec(
            SOFT_DIRTY,
            OptionSpec.Type.BOOLEAN,
            "false",
            "whether /proc/PID/clear_refs and pagemap tell what was written"
                + " (CONFIG_MEM_SOFT_DIRTY)"),
        new OptionSpec(
            KSM,
            OptionSpec.Type.BOOLEAN,
            "true",
            "whether memory can be marked as mergeable (CONFIG_KSM); pages are not merged"),
        new OptionSpec(
            PKEYS,
            OptionSpec.Type.BOOLEAN,
            "false",
            "whether the CPU has protection keys (PKU), which needs page tables of 4 or 5 levels"),
        new OptionSpec(
            NODES,
            OptionSpec.Type.NUMBER,
            "0",
            "how many nodes mbind and set_mempolicy may name, to 63; 0: those that have memory"),
        new OptionSpec(
            READ_AHEAD,
            OptionSpec.Type.NUMBER,
            "128",
            "KiB that are read when a page of a file on a disk is not in memory: read_ahead_kb"));
  }

  @Override
  public List<MemoryMap.Range> takeAtBoot(
      BootAllocator boot, MemoryLayout layout, Map<String, String> settings) {
    String words = settings.get(Setting.IN_ORDER);
    return words == null ? List.of() : HugePageWords.take(CommandLine.parse(words), boot, layout);
  }

  @Override
  public boolean hasTasks() {
    return true;
  }

  @Override
  public ProcessFloor create(Floors floors, Options options) {
    if (floors.settings().containsKey(ThpMode.PARAMETER)) {
      ThpMode.of(floors.settings().get(ThpMode.PARAMETER));
    }
    return new LinuxProcessFloor(floors, MmSysctls.of(floors.settings()), options);
  }
}
