// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.InputException;
import io.mm4j.cli.shell.Completion;
import io.mm4j.cli.shell.ShellSession;
import io.mm4j.cli.text.Terminal;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.ToIntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Lines of {@code mm shell}: what they do, as a script, and what completes them. */
class ShellTest {
  @TempDir Path dir;

  private Cli script(String text, String... options) throws IOException {
    Path file = dir.resolve("workload.mm");
    Files.writeString(file, text);
    String[] args = new String[options.length + 2];
    args[0] = "run";
    args[1] = file.toString();
    System.arraycopy(options, 0, args, 2, options.length);
    return Cli.mm(args);
  }

  @Test
  void operationsOfEveryFloorShareFramesAndNumbers() throws IOException {
    Cli run =
        script(
            """
            # pages, objects, mappings, a process
            alloc_pages GFP_KERNEL 3; kmalloc 100
            vmalloc 64K
            mmap 2M PROT_READ|PROT_WRITE
            write $4
            free_pages $1 3
            kfree $2
            vfree $3
            munmap $4 2M
            drain_all_pages
            validate
            """,
            "--memory",
            "64M");
    assertEquals(0, run.code(), run.err());
    List<String> lines = run.out().lines().toList();
    assertTrue(lines.get(0).startsWith("$1 = pfn "), run.out());
    assertTrue(lines.get(1).startsWith("$2 = paddr "), run.out());
    assertTrue(lines.get(2).startsWith("$3 = 0xffffc90000000000"), run.out());
    assertTrue(lines.get(3).startsWith("$4 = 0x7ffff7"), run.out());
    assertEquals("$5 = ok", lines.get(4));
    assertEquals("every floor agrees with itself and the others", lines.getLast());
    assertEquals(run, script(Files.readString(dir.resolve("workload.mm")), "--memory", "64M"));
  }

  @Test
  void aTouchTakesAFrameOfTheMachine() throws IOException {
    Cli run =
        script(
            "cat /proc/buddyinfo\nmmap 64K\nwrite $1\ndrain_all_pages\ncat /proc/buddyinfo\n",
            "--memory",
            "64M");
    List<String> zone = run.out().lines().filter(l -> l.contains("DMA32")).toList();
    assertEquals(2, zone.size());
    assertFalse(zone.get(0).equals(zone.get(1)), run.out());
  }

  @Test
  void aMistakeIsNamedWithItsLine() throws IOException {
    Cli run = script("kmalloc 100\n\nkmaloc 100\nkmalloc 1\n", "--memory", "64M");
    assertEquals(2, run.code());
    assertTrue(run.err().contains("did you mean 'kmalloc'?"), run.err());
    assertTrue(run.err().contains("workload.mm:3: kmaloc 100"), run.err());
    assertEquals(1, run.out().lines().count());
  }

  @ParameterizedTest
  @CsvSource({
    "repeat 3 kmalloc 64,$1 to $3 =",
    "explain kmalloc 64,kmalloc-64",
    "help munmap,munmap ADDR LEN",
    "help,repeat N OPERATION",
    "ls,/proc/1/maps",
    "ps,* 1 program",
    "plugins,page-allocator=linux",
    "spawn; process 2; ps,* 2 program",
    "quit; kmaloc,''",
    "sysctl vm.overcommit_memory=2; mmap 1T,-1 ENOMEM",
    "sysctl vm.overcommit_memory=0x2; mmap 1T,-1 ENOMEM",
    "sysctl vm.unprivileged_userfaultfd=1; userfaultfd; uffdio_api $1,$2 = 0",
    "sysctl kernel.shmmax=0x1000; cat /proc/sys/kernel/shmmax,4096",
    "sysctl nr_hugepages=2; cat /proc/sys/vm/nr_hugepages,2",
    "cat /proc/sys/kernel/shm_next_id /proc/sys/kernel/shmall,-1",
    "ls,/proc/sys/vm/max_map_count",
    "sysctl vm.overcommit_kbytes=4096; cat /proc/meminfo,CommitLimit:        4096 kB",
    "help uffdio_api,uffdio_api FD [FEATURES] [API]",
    "help mount,[SIZE] [MIN_SIZE]",
  })
  void commandsAnswer(String line, String answer) throws IOException {
    Cli run = script(line, "--memory", "64M");
    assertEquals(0, run.code(), run.err());
    assertTrue(run.out().contains(answer), run.out());
  }

  @ParameterizedTest
  @CsvSource({
    "repeat 0 kmalloc 64,0 times",
    "repeat 5,no operation is named",
    "explain,no operation is named",
    "cat,no file is named",
    "cat /proc/nix,no file '/proc/nix'",
    "help nix,there is no 'nix'",
    "sysctl kernel.overcommit_memory=1,no process here reads the sysctl 'kernel.overcommit_memory'",
    "sysctl vm.overcomit_memory=1,did you mean 'vm.overcommit_memory'",
    "cat /proc/sys/vm/swappiness,no file '/proc/sys/vm/swappiness'",
    "sysctl vm.nix=1,no process here reads the sysctl 'vm.nix'",
    "sysctl vm.overcommit_memory=0x9,does not take this value: EINVAL",
    "sysctl nix,sets nothing",
    "process 7,no process 7 lives",
    "kfree $1,there is no result $1",
  })
  void whatCannotBeIsAnswered(String line, String answer) throws IOException {
    Cli run = script(line, "--memory", "64M");
    assertEquals(2, run.code(), run.out() + run.err());
    assertTrue(run.err().contains(answer), run.err());
    assertTrue(run.err().contains("workload.mm:1: "), run.err());
  }

  @Test
  void aScriptRunsOnOtherMachinesAndPlugins() throws IOException {
    for (String machine : List.of("x86-64", "x86-32", "x86-pae")) {
      Cli run =
          script("mmap 1M; write $1; kmalloc 64; validate", "--machine", machine, "--memory=64M");
      assertEquals(0, run.code(), machine + run.err());
    }
    Cli run = script("plugins; kmalloc 64", "--plugin", "slab=slob", "--memory=64M");
    assertTrue(run.out().contains("slab=slob"), run.out());
    Cli wrong = script("kmalloc 64", "--json");
    assertEquals(2, wrong.code());
    assertEquals(2, Cli.mm("cat", "/proc/buddyinfo", "--after", file("x.mm")).code());
  }

  private String file(String name) throws IOException {
    return Files.writeString(dir.resolve(name), "kmalloc 1\n").toString();
  }

  private static void session(ToIntFunction<ShellSession> user) {
    PrintStream nowhere =
        new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
    Io io = new Io(nowhere, nowhere, Terminal.none());
    assertEquals(0, Script.withMachine(io, new MachineOptions(), user));
  }

  @Test
  void completionKnowsNamesFlagsCachesAddressesAndFiles() {
    session(
        session -> {
          assertTrue(session.line("kmem_cache_create mine 40; mmap 8K; kmalloc 8"));
          Completion completion = new Completion(session);
          suggests(completion, "kmal", "kmalloc");
          suggests(
              completion, "kmalloc 1; alloc_pa", "alloc_page", "alloc_pages", "alloc_pages_node");
          suggests(completion, "alloc_pages GFP_KERNEL|__GFP_ZE", "GFP_KERNEL|__GFP_ZERO");
          suggests(completion, "explain mmap NULL 8K PROT_W", "PROT_WRITE");
          suggests(completion, "mmap NULL 8K PROT_READ|PROT_W", "PROT_READ|PROT_WRITE");
          suggests(completion, "kmem_cache_free mi", "mine");
          suggests(completion, "repeat 3 kmem_cache_alloc mi", "mine");
          suggests(completion, "munmap [st", "[stack]");
          suggests(completion, "kfree $", "$3", "$2", "$1");
          suggests(completion, "cat /proc/1/ma", "/proc/1/maps");
          suggests(completion, "madvise $2 4K MADV_WILL", "MADV_WILLNEED");
          suggests(completion, "fadvise64 3 0 0 POSIX_FADV_R", "POSIX_FADV_RANDOM");
          suggests(completion, "mbind $2 4K MPOL_BIND|MPOL_F_S", "MPOL_BIND|MPOL_F_STATIC_NODES");
          suggests(completion, "mbind $2 4K MPOL_BIND 1 64 MPOL_MF_S", "MPOL_MF_STRICT");
          suggests(completion, "setrlimit RLIMIT_A", "RLIMIT_AS");
          suggests(completion, "sysctl vm.unp", "vm.unprivileged_userfaultfd=");
          suggests(completion, "pipe2 [stack] O_CLOEXEC|O_N", "O_CLOEXEC|O_NONBLOCK");
          suggests(completion, "mount hugetlbfs_", "hugetlbfs_1g");
          suggests(completion, "uffdio_register $", "$3", "$2", "$1");
          suggests(
              completion,
              "uffdio_register 0 $2 4K UFFDIO_REGISTER_MODE_W",
              "UFFDIO_REGISTER_MODE_WP");
          suggests(completion, "help kvm", "kvmalloc");
          suggests(completion, "vmalloc ");
          return 0;
        });
  }

  private static void suggests(Completion completion, String typed, String... words) {
    assertEquals(List.of(words), List.copyOf(completion.of(typed).keySet()), typed);
  }

  @Test
  void aMistakeDoesNotEndASession() {
    session(
        session -> {
          try {
            session.line("kmalloc 8; kmaloc 8");
          } catch (InputException e) {
            assertTrue(session.line("kfree $1"));
            return 0;
          }
          return 1;
        });
  }
}
