// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.api.process.Capability;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.ThpMode;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The first part of a recording: the machine and the process before the first call.
 *
 * @param id name of the recording
 * @param recordingClass its class
 * @param scenario what it plays
 * @param seed seed of a random recording
 * @param kernel the kernel's release
 * @param compat32 a 32-bit process
 * @param thp huge page setting
 * @param sysctls settings under /proc/sys/vm
 * @param totalRamKb MemTotal
 * @param swapKb SwapTotal
 * @param uid user
 * @param gid group
 * @param capabilities those of the process that memory calls ask for
 * @param personality words of the personality line
 * @param asBytes RLIMIT_AS, -1 for none; so the next three
 * @param dataBytes RLIMIT_DATA
 * @param stackBytes RLIMIT_STACK
 * @param memlockBytes RLIMIT_MEMLOCK
 * @param layout addresses of the program and of the mmap area
 * @param files files known at the start
 * @param opens opens known at the start
 * @param options how the kernel was built and which disk it had, as options of the process floor
 */
public record VmaHeader(
    String id,
    String recordingClass,
    String scenario,
    String seed,
    String kernel,
    boolean compat32,
    ThpMode thp,
    MmSysctls sysctls,
    long totalRamKb,
    long swapKb,
    long uid,
    long gid,
    Set<Capability> capabilities,
    List<String> personality,
    long asBytes,
    long dataBytes,
    long stackBytes,
    long memlockBytes,
    MmLayout layout,
    List<FileLine> files,
    List<OpenLine> opens,
    Map<String, String> options) {
  /** A real program, whose files have contents nobody recorded. */
  public boolean real() {
    return recordingClass.equals("real");
  }

  /** A log of a program that somebody traced: only results are known. */
  public boolean traced() {
    return recordingClass.equals("strace");
  }

  /** The same on another machine. */
  VmaHeader withMachine(long ramKb, MmSysctls settings, ThpMode hugePages) {
    return with(hugePages, settings, ramKb, uid, gid, capabilities, Map.of(), options);
  }

  /** The same with another option. */
  public VmaHeader withOption(String name, String value) {
    Map<String, String> all = new HashMap<>(options);
    all.put(name, value);
    return with(thp, sysctls, totalRamKb, uid, gid, capabilities, Map.of(), Map.copyOf(all));
  }

  /** The same, owned by somebody else. */
  VmaHeader withOwner(long owner, long group, Set<Capability> allowed) {
    return with(thp, sysctls, totalRamKb, owner, group, allowed, Map.of(), options);
  }

  /** The same with other soft limits, by name. */
  VmaHeader withLimits(Map<String, Long> limits) {
    return with(thp, sysctls, totalRamKb, uid, gid, capabilities, limits, options);
  }

  private VmaHeader with(
      ThpMode hugePages,
      MmSysctls settings,
      long ramKb,
      long owner,
      long group,
      Set<Capability> allowed,
      Map<String, Long> limits,
      Map<String, String> all) {
    return new VmaHeader(
        id,
        recordingClass,
        scenario,
        seed,
        kernel,
        compat32,
        hugePages,
        settings,
        ramKb,
        swapKb,
        owner,
        group,
        allowed,
        personality,
        limits.getOrDefault("AS", asBytes),
        limits.getOrDefault("DATA", dataBytes),
        limits.getOrDefault("STACK", stackBytes),
        limits.getOrDefault("MEMLOCK", memlockBytes),
        layout,
        files,
        opens,
        all);
  }

  /**
   * A {@code file} line; the path is empty if it has none.
   *
   * @param writtenBytes as {@link MappedFile#writtenBytes}
   * @param mount the file system with a size that it is new on, empty for none
   * @param owner whose it is, null if everybody may write to it
   */
  public record FileLine(
      String name,
      long sizeBytes,
      MappedFile.Kind kind,
      String path,
      long writtenBytes,
      String mount,
      MappedFile.@Nullable Owner owner) {
    /** A file that was written at once. */
    public FileLine(String name, long sizeBytes, MappedFile.Kind kind, String path) {
      this(name, sizeBytes, kind, path, 0, "", null);
    }
  }

  /** An {@code open} line: the open's name, and the name of its file. */
  public record OpenLine(String name, String file, OpenFile.Mode mode) {}
}
