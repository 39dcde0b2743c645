// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ExecRequest;
import io.mm4j.api.process.ExecRequest.Abi;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.Tasks;
import io.mm4j.api.process.Uapi;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** exec of real programs: what Linux 6.18 made of them, and any bytes at all. */
class ExecTest {
  private static byte[] resource(String name) {
    try (InputStream in = ExecTest.class.getResourceAsStream("/elf/" + name)) {
      assertNotNull(in, name);
      return in.readAllBytes();
    } catch (IOException e) {
      throw new IllegalStateException(name, e);
    }
  }

  private static MappedFile file(byte[] bytes) {
    return new MappedFile(
        "program", MappedFile.Kind.EXT4, bytes.length, at -> bytes[(int) at] & 255);
  }

  private static ExecRequest request(byte[] bytes, Abi abi, String... arguments) {
    return new ExecRequest(
        "./program",
        ExecRequest.Program.of(file(bytes)),
        null,
        abi,
        List.of(arguments),
        List.of(),
        ExecRequest.Auxiliary.DEFAULTS);
  }

  private static Machine machine(Architecture architecture) {
    return new MachineConfig().architecture(architecture).memory(64L << 20).boot();
  }

  private static Task first(Machine machine) {
    boolean wide = machine.architecture().is64Bit();
    MmLayout layout = wide ? MmLayout.x8664() : MmLayout.x8632();
    return machine.processes().tasks().spawn("init", AddressSpaceConfig.defaults().layout(layout));
  }

  private static List<String> maps(Task task) {
    List<String> lines = new ArrayList<>();
    AddressSpace mm = task.mm();
    assertNotNull(mm);
    mm.forEachMap(
        v ->
            lines.add(
                String.format(
                    "%08x-%08x %s %08x", v.start(), v.end(), v.perms(), v.offsetBytes())));
    return lines;
  }

  private static void sameAsLinux(String name) {
    try (Machine machine = machine(Architecture.X86_64)) {
      Task task = first(machine);
      Tasks tasks = machine.processes().tasks();
      assertEquals(0, tasks.exec(task, request(resource(name), Abi.X86_64, "./" + name)));
      List<String> linux =
          new String(resource(name + ".maps"), StandardCharsets.UTF_8).lines().toList();
      assertEquals(linux, maps(task));
      tasks.validate();
    }
  }

  @Test
  void mapsOfAProgramWithFixedAddresses() {
    sameAsLinux("areas64");
  }

  @Test
  void mapsOfAProgramThatCanLieAnywhere() {
    sameAsLinux("areas64pie");
  }

  /** The same program with 0x2000 as p_align of its first segment, and a page more of bss. */
  @Test
  void mapsOfAProgramThatWantsALargerAlignment() {
    byte[] bytes = resource("areas64pie");
    ByteBuffer elf = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int first = 64;
    int last = first + 3 * 56;
    elf.putLong(first + 48, 0x2000);
    elf.putLong(last + 40, elf.getLong(last + 40) + 0x1000);
    try (Machine machine = machine(Architecture.X86_64)) {
      Task task = first(machine);
      assertEquals(0, machine.processes().tasks().exec(task, request(bytes, Abi.X86_64, "x")));
      // as Linux 6.18 mapped it
      assertTrue(
          maps(task).contains("7ffff7ff6000-7ffff7ff7000 r--p 00000000"), maps(task).toString());
      assertTrue(
          maps(task).contains("7ffff7fee000-7ffff7ff2000 r--p 00000000"), maps(task).toString());
    }
  }

  @Test
  void whatPrctlHasSaidOfMemoryOutlivesExec() {
    try (Machine machine = machine(Architecture.X86_64)) {
      Tasks tasks = machine.processes().tasks();
      for (int mdwe : new int[] {1, 3}) {
        Task task = first(machine);
        assertEquals(0, prctl(task, Uapi.PR_SET_THP_DISABLE, 1, 2));
        assertEquals(0, prctl(task, Uapi.PR_SET_MDWE, mdwe, 0));
        assertEquals(0, tasks.exec(task, request(resource("areas64"), Abi.X86_64, "x")));
        assertEquals(3, prctl(task, Uapi.PR_GET_THP_DISABLE, 0, 0));
        assertEquals(mdwe == 1 ? 1 : 0, prctl(task, Uapi.PR_GET_MDWE, 0, 0));
      }
    }
  }

  private static long prctl(Task task, int option, long second, long third) {
    AddressSpace mm = task.mm();
    assertNotNull(mm);
    return mm.syscall(Syscall.PRCTL, option, second, third, 0, 0);
  }

  @Test
  void aProgramOf32BitsOnEachKernel() {
    for (Architecture kind :
        List.of(Architecture.X86_32, Architecture.X86_32_24, Architecture.X86_64)) {
      Abi abi =
          switch (kind) {
            case X86_64 -> Abi.IA32_ON_64;
            case X86_32_24 -> Abi.I386_24;
            default -> Abi.I386;
          };
      try (Machine machine = machine(kind)) {
        Task task = first(machine);
        Tasks tasks = machine.processes().tasks();
        assertEquals(0, tasks.exec(task, request(resource("areas32"), abi, "areas32", "x")));
        AddressSpace mm = task.mm();
        assertNotNull(mm);
        MmFields.Places places = mm.fields().places();
        assertEquals(2, mm.read(places.startStack()).value(), "argc");
        assertEquals(0, mm.read(places.endData()).value(), "bss");
        assertEquals(0, mm.read(places.startBrk() - 1).value(), "the end of bss");
        assertTrue(places.startStack() < places.argStart(), "the strings are above the stack");
        mm.validate();
        tasks.validate();
      }
    }
  }

  @Test
  void aProgramOf64BitsNeedsSuchAMachine() {
    try (Machine machine = machine(Architecture.X86_32)) {
      Tasks tasks = machine.processes().tasks();
      Task task = tasks.kthread("init");
      ExecRequest request = request(resource("areas64"), Abi.X86_64, "x");
      assertEquals(-Errno.ENOEXEC, tasks.exec(task, request));
      assertEquals(Task.State.RUNNING, task.state());
    }
  }

  /** A kernel of 64 bits leaves a word of its own above the strings, and counts in such words. */
  @Test
  void aProgramOf32BitsInAKernelOf64() {
    try (Machine machine = machine(Architecture.X86_64)) {
      Task task = first(machine);
      Tasks tasks = machine.processes().tasks();
      assertEquals(
          0, tasks.exec(task, request(resource("areas32"), Abi.IA32_ON_64, "areas32", "x")));
      AddressSpace mm = task.mm();
      assertNotNull(mm);
      long name = mm.fields().places().envEnd(); // no variables
      assertEquals(0xffffe000L - Long.BYTES, name + "./program".length() + 1);
    }
  }

  /** Strings must fit where RLIMIT_STACK lets the stack grow to, whole pages of it. */
  @Test
  void argumentsThatTheStackHasNoRoomFor() {
    try (Machine machine = machine(Architecture.X86_64)) {
      Task task = first(machine);
      AddressSpace mm = task.mm();
      assertNotNull(mm);
      assertEquals(0, mm.setrlimit(ResourceLimit.STACK, 65536, 0));
      Tasks tasks = machine.processes().tasks();
      ExecRequest request = request(resource("areas64"), Abi.X86_64, "x".repeat(65530));
      assertEquals(-Errno.E2BIG, tasks.exec(task, request));
    }
  }

  @Test
  void tooManyArguments() {
    try (Machine machine = machine(Architecture.X86_64)) {
      Task task = first(machine);
      Tasks tasks = machine.processes().tasks();
      ExecRequest request = request(resource("areas64"), Abi.X86_64, "x".repeat(1 << 17));
      assertEquals(-Errno.E2BIG, tasks.exec(task, request));
      assertEquals(1, task.mm() == null ? 0 : task.mm().fields().users().mmUsers());
    }
  }

  @Test
  void everyErrorOfAHeaderSaysWhere() {
    byte[] good = resource("areas64");
    for (int at : new int[] {0, 16, 18, 32, 54, 56}) {
      byte[] bad = good.clone();
      bad[at] = (byte) 0xff;
      bad[at + 1] = (byte) 0xff;
      InputException e = assertThrows(InputException.class, () -> request(bad, Abi.X86_64, "x"));
      assertTrue(e.where().contains("byte 0x" + Integer.toHexString(at)), e.getMessage());
    }
    for (int bytes = 0; bytes < 64; bytes++) {
      byte[] cut = java.util.Arrays.copyOf(good, bytes);
      assertThrows(InputException.class, () -> request(cut, Abi.X86_64, "x"));
    }
  }

  /** Whatever the bytes are: an error that says where, an errno, or a program. */
  @Test
  void anyBytes() {
    for (String name : List.of("areas64", "areas64pie", "areas32")) {
      Architecture kind = name.equals("areas32") ? Architecture.X86_32 : Architecture.X86_64;
      Abi abi = name.equals("areas32") ? Abi.I386 : Abi.X86_64;
      byte[] good = resource(name);
      Random random = new Random(7);
      try (Machine machine = machine(kind)) {
        Tasks tasks = machine.processes().tasks();
        for (int i = 0; i < 400; i++) {
          byte[] bytes = good.clone();
          for (int n = random.nextInt(6); n >= 0; n--) {
            bytes[random.nextInt(500)] = (byte) random.nextInt(256);
          }
          Task task = tasks.kthread("init");
          long result = tryExec(tasks, task, bytes, abi);
          assertTrue(result <= 0, "result=" + result);
          if (task.state() == Task.State.RUNNING) {
            tasks.exit(task);
          }
          tasks.validate();
        }
      }
    }
  }

  private static long tryExec(Tasks tasks, Task task, byte[] bytes, Abi abi) {
    ExecRequest request;
    try {
      request = request(bytes, abi, "x");
    } catch (InputException e) {
      assertTrue(e.where().contains("byte 0x"), e.getMessage());
      return 0;
    } catch (IllegalArgumentException e) {
      return 0; // it names an interpreter now
    }
    long result = tasks.exec(task, request);
    AddressSpace mm = task.mm();
    if (mm != null) {
      mm.validate();
    }
    return result;
  }
}
