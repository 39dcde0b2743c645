// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.frame;

import com.sun.management.OperatingSystemMXBean;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.plugin.Sizes;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Boots one machine of 4 GiB and then one of the given size, and prints what the second cost: wall
 * time, CPU time of the process, and growth of the resident set. One size a JVM, since the resident
 * set only grows.
 */
public final class BootReport {
  private BootReport() {}

  /** {@code args}: the size, then plugin choices such as {@code frame-allocator=llfree}. */
  public static void main(String[] args) throws IOException {
    long bytes = Sizes.parseSize(args.length > 0 ? args[0] : "1T", "size");
    config(4L << 30, args).boot().close();
    System.gc();
    var os = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long residentKib = residentKib();
    long cpuNs = os.getProcessCpuTime();
    long ns = System.nanoTime();
    try (Machine machine = config(bytes, args).boot()) {
      ns = System.nanoTime() - ns;
      cpuNs = os.getProcessCpuTime() - cpuNs;
      System.out.printf(
          "%s: %.1f ms wall, %.0f ms CPU, %.1f MiB more resident, %d pages free%n",
          Sizes.format(bytes),
          ns / 1e6,
          cpuNs / 1e6,
          (residentKib() - residentKib) / 1024.0,
          machine.pages().freePages());
    }
  }

  private static MachineConfig config(long bytes, String[] args) {
    MachineConfig config = new MachineConfig().memory(bytes);
    for (int i = 1; i < args.length; i++) {
      config.plugin(args[i]);
    }
    return config;
  }

  private static long residentKib() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("\\D", ""));
      }
    }
    return 0;
  }
}
