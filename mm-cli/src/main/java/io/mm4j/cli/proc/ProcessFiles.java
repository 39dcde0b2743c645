// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.MemSizeStats;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.replay.RunningProcess;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiFunction;

/**
 * The files of {@code /proc/PID} that show memory: fs/proc/task_mmu.c and fs/proc/base.c of Linux
 * 6.18. Each line is as the kernel prints it. Lines about what is not kept here - signals,
 * credentials, other subsystems - are left out, never guessed.
 */
final class ProcessFiles {
  /** File name to what makes its text from the scene and the process. */
  static final Map<String, BiFunction<Scene, RunningProcess, String>> FILES = new LinkedHashMap<>();

  static {
    FILES.put("maps", (scene, p) -> new MapsFile(scene.processes()).text(p));
    FILES.put("smaps", ProcessFiles::smaps);
    FILES.put("smaps_rollup", (scene, p) -> rollup(p));
    FILES.put("numa_maps", NumaMapsFile::text);
    FILES.put("status", (scene, p) -> status(p));
    FILES.put("statm", (scene, p) -> statm(p));
    FILES.put("limits", (scene, p) -> limits(p));
    FILES.put("stat", (scene, p) -> TaskFiles.stat(p));
    FILES.put("comm", (scene, p) -> TaskFiles.comm(p) + "\n");
    FILES.put("cmdline", (scene, p) -> TaskFiles.cmdline(p));
  }

  private static final int KB = 4;
  private static final int HUGE_KB = 2048;
  private static final int GIGA_KB = 1 << 20;

  private ProcessFiles() {}

  private static String smaps(Scene scene, RunningProcess process) {
    MapsFile maps = new MapsFile(scene.processes());
    StringBuilder out = new StringBuilder();
    process
        .mm()
        .forEachVma(
            vma -> {
              out.append(maps.line(process, vma)).append('\n');
              long pageKb = pageKb(vma);
              kb(out, "Size", vma.bytes() >> 10);
              kb(out, "KernelPageSize", pageKb);
              kb(out, "MMUPageSize", pageKb);
              usage(out, process, process.mm().sizes(vma.start()), false);
              boolean eligible = process.mm().thpEligible(vma.start());
              out.append(String.format(Locale.ROOT, "THPeligible:    %8d\n", eligible ? 1 : 0));
              // Every letter is followed by a blank.
              int key = process.mm().protectionKey(vma.start());
              if (key >= 0) {
                out.append(String.format(Locale.ROOT, "ProtectionKey:  %8d\n", key));
              }
              out.append("VmFlags: ");
              vma.flags().forEach(flag -> out.append(flag).append(' '));
              out.append('\n');
            });
    return out.toString();
  }

  /** {@code vma_kernel_pagesize()}. */
  static int pageKb(VmaInfo vma) {
    if (vma.file() == null || !vma.flags().contains("ht")) {
      return KB;
    }
    return vma.file().file().kind() == MappedFile.Kind.HUGETLB_1G ? GIGA_KB : HUGE_KB;
  }

  /** {@code __show_smap()}. */
  private static void usage(
      StringBuilder out, RunningProcess process, MemSizeStats sizes, boolean rollup) {
    kb(out, "Rss", sizes.resident() >> 10);
    kb(out, "Pss", MemSizeStats.pssKb(sizes.pss()));
    kb(out, "Pss_Dirty", MemSizeStats.pssKb(sizes.pssDirty()));
    if (rollup) {
      kb(out, "Pss_Anon", MemSizeStats.pssKb(sizes.pssAnon()));
      kb(out, "Pss_File", MemSizeStats.pssKb(sizes.pssFile()));
      kb(out, "Pss_Shmem", MemSizeStats.pssKb(sizes.pssShmem()));
    }
    kb(out, "Shared_Clean", sizes.sharedClean() >> 10);
    kb(out, "Shared_Dirty", sizes.sharedDirty() >> 10);
    kb(out, "Private_Clean", sizes.privateClean() >> 10);
    kb(out, "Private_Dirty", sizes.privateDirty() >> 10);
    kb(out, "Referenced", sizes.referenced() >> 10);
    kb(out, "Anonymous", sizes.anonymous() >> 10);
    kb(out, "KSM", 0);
    kb(out, "LazyFree", 0);
    kb(out, "AnonHugePages", sizes.anonymousThp() >> 10);
    kb(out, "ShmemPmdMapped", sizes.shmemThp() >> 10);
    kb(out, "FilePmdMapped", sizes.fileThp() >> 10);
    kb(out, "Shared_Hugetlb", sizes.sharedHugetlb() >> 10);
    kb(out, "Private_Hugetlb", sizes.privateHugetlb() >> 10);
    if (process.swapKb() == 0) {
      kb(out, "Swap", 0);
      kb(out, "SwapPss", 0);
    }
    kb(out, "Locked", MemSizeStats.pssKb(sizes.pssLocked()));
  }

  private static String rollup(RunningProcess process) {
    long[] ends = {-1, 0};
    MemSizeStats[] sum = {MemSizeStats.NONE};
    process
        .mm()
        .forEachMap(
            vma -> {
              if (vma.name().equals("[vsyscall]")) {
                return;
              }
              ends[0] = ends[0] < 0 ? vma.start() : ends[0];
              ends[1] = vma.end();
              sum[0] = sum[0].plus(process.mm().sizes(vma.start()));
            });
    if (ends[0] < 0) {
      return "";
    }
    StringBuilder out = new StringBuilder();
    VmaInfo line =
        new VmaInfo(ends[0], ends[1], "---p", 0, "[rollup]", null, java.util.List.of(), "");
    MapsFile.line(out, line, "00:00", 0, "[rollup]");
    usage(out, process, sum[0], true);
    return out.toString();
  }

  /** A line of smaps: {@code SEQ_PUT_DEC} with its padded name. */
  private static void kb(StringBuilder out, String name, long kilobytes) {
    out.append(String.format(Locale.ROOT, "%-16s%8d kB\n", name + ":", kilobytes));
  }

  /** Resident pages by what they are. */
  private record Resident(long anon, long file, long shmem, long pool) {
    static Resident of(RunningProcess process) {
      long[] kilobytes = new long[4];
      process
          .mm()
          .forEachMap(
              vma -> {
                AddressSpace.VmaUsage usage = process.mm().usage(vma.start());
                kilobytes[0] += usage.anonKb();
                MemSizeStats sizes = process.mm().sizes(vma.start());
                kilobytes[3] += (sizes.sharedHugetlb() + sizes.privateHugetlb()) >> 10;
                kilobytes[isShmem(vma) ? 2 : 1] += usage.rssKb() - usage.anonKb();
              });
      return new Resident(
          kilobytes[0] / KB, kilobytes[1] / KB, kilobytes[2] / KB, kilobytes[3] / KB);
    }

    private static boolean isShmem(VmaInfo vma) {
      if (vma.file() == null) {
        return false;
      }
      MappedFile.Kind kind = vma.file().file().kind();
      return kind == MappedFile.Kind.SHMEM || kind == MappedFile.Kind.TMPFS;
    }

    long total() {
      return anon + file + shmem;
    }
  }

  private static String status(RunningProcess process) {
    MmFields fields = process.mm().fields();
    Resident resident = Resident.of(process);
    long text = textPages(fields);
    StringBuilder out = new StringBuilder();
    out.append("Name:\t").append(TaskFiles.comm(process)).append('\n');
    out.append("State:\tR (running)\n");
    out.append("Tgid:\t").append(process.pid()).append('\n');
    out.append("Pid:\t").append(process.pid()).append('\n');
    out.append("PPid:\t").append(process.ppid()).append('\n');
    pages(out, "VmPeak", fields.hiwaterVmPages());
    pages(out, "VmSize", fields.totalVmPages());
    pages(out, "VmLck", fields.lockedVmPages());
    pages(out, "VmPin", 0);
    pages(out, "VmRSS", resident.total());
    pages(out, "RssAnon", resident.anon());
    pages(out, "RssFile", resident.file());
    pages(out, "RssShmem", resident.shmem());
    pages(out, "VmData", fields.dataVmPages());
    pages(out, "VmStk", fields.stackVmPages());
    pages(out, "VmExe", text);
    pages(out, "VmLib", fields.execVmPages() - text);
    pages(out, "VmPTE", fields.tablePages());
    if (process.swapKb() == 0) {
      pages(out, "VmSwap", 0);
    }
    pages(out, "HugetlbPages", resident.pool());
    return out.toString();
  }

  private static void pages(StringBuilder out, String name, long pages) {
    out.append(String.format(Locale.ROOT, "%s:\t%8d kB\n", name, pages * KB));
  }

  /** Pages of the program's code; never more than all executable ones ({@code task_mem}). */
  private static long textPages(MmFields fields) {
    return Math.min(codePages(fields), fields.execVmPages());
  }

  private static long codePages(MmFields fields) {
    return ((fields.places().endCode() + 4095 & -4096) - (fields.places().startCode() & -4096))
        >>> 12;
  }

  /** {@code size resident shared text lib data dt} in pages ({@code proc_pid_statm}). */
  private static String statm(RunningProcess process) {
    MmFields fields = process.mm().fields();
    Resident resident = Resident.of(process);
    return String.format(
        Locale.ROOT,
        "%d %d %d %d 0 %d 0\n",
        fields.totalVmPages(),
        resident.total(),
        resident.file() + resident.shmem(),
        codePages(fields),
        fields.dataVmPages() + fields.stackVmPages());
  }

  private static String limits(RunningProcess process) {
    StringBuilder out = new StringBuilder();
    row(out, "Limit", "Soft Limit", "Hard Limit", "Units");
    limit(out, process, "Max data size", ResourceLimit.DATA);
    limit(out, process, "Max stack size", ResourceLimit.STACK);
    limit(out, process, "Max locked memory", ResourceLimit.MEMLOCK);
    limit(out, process, "Max address space", ResourceLimit.AS);
    return out.toString();
  }

  private static void limit(
      StringBuilder out, RunningProcess process, String name, ResourceLimit resource) {
    String soft = bytes(process.mm().softLimit(resource));
    row(out, name, soft, bytes(process.mm().hardLimit(resource)), "bytes");
  }

  private static String bytes(long limit) {
    return limit == ResourceLimit.INFINITY ? "unlimited" : Long.toUnsignedString(limit);
  }

  private static void row(StringBuilder out, String name, String soft, String hard, String unit) {
    out.append(String.format(Locale.ROOT, "%-25s %-20s %-20s %-10s\n", name, soft, hard, unit));
  }
}
