// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.VmaInfo;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * A process as it stands at one moment of a workload, to be looked at or to go on from. Valid while
 * the one who handed it over says so.
 *
 * @param pid its number here: process {@code p0} of a recording is 1, {@code p1} is 2
 * @param ppid the number of the process that made it, 0 if that is not of the workload or has ended
 * @param command what it runs
 * @param arguments what it was given, its own name first
 * @param mm its address space
 * @param machine what it runs on: where its frames and page tables are
 * @param compat32 whether it is a 32-bit process
 * @param swapKb SwapTotal of its machine
 * @param descriptors open files by the name that the workload gives them, with the descriptor
 *     number that {@link AddressSpace#mmap} takes; in the order in which they appeared
 * @param paths gives the path of a file by the name that its VMAs have
 */
public record RunningProcess(
    int pid,
    int ppid,
    String command,
    List<String> arguments,
    AddressSpace mm,
    Machine machine,
    boolean compat32,
    long swapKb,
    Map<String, Integer> descriptors,
    Function<String, String> paths) {
  /** Copies the descriptors. */
  public RunningProcess {
    arguments = List.copyOf(arguments);
    descriptors = Collections.unmodifiableMap(new LinkedHashMap<>(descriptors));
  }

  /** One that nobody of the workload made, and that has no arguments. */
  public RunningProcess(
      int pid,
      String command,
      AddressSpace mm,
      Machine machine,
      boolean compat32,
      long swapKb,
      Map<String, Integer> descriptors,
      Function<String, String> paths) {
    this(pid, 0, command, List.of(command), mm, machine, compat32, swapKb, descriptors, paths);
  }

  /** What maps shows as the name of a VMA; empty for none. */
  public String nameOf(VmaInfo vma) {
    return vma.file() == null ? vma.name() : paths.apply(vma.name());
  }
}
