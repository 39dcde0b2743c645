// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.rules;

import io.mm4j.api.process.ProcessFloorProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import java.util.List;

/** Every rule of tasks. */
public final class TaskRules {
  private static final String COUNTING = "a path through fork, exec, exit or a switch forgets one";

  private TaskRules() {}

  private static RuleInfo info(
      String id, String name, String statement, String why, String behind, String failure) {
    return new RuleInfo(id, name, statement, why, behind, failure);
  }

  /** All of them. */
  public static List<Rule<ProcessFloorProvider>> all() {
    return List.of(
        TaskRule.always(
            info(
                "TK-01",
                "users",
                "After any sequence of fork, clone, exec, exit and switches, mm_users is the number"
                    + " of tasks that have the address space and of others who hold it.",
                "With one too few memory goes that somebody uses, with one too many it stays.",
                "copy_mm, exec_mmap, exit_mm, mmget, mmput",
                COUNTING),
            TaskBench::checkUsers),
        TaskRule.always(
            info(
                "TK-02",
                "count",
                "mm_count is one for all users, one for each CPU that runs a task without an"
                    + " address space on its page directory, one for each kernel thread that uses"
                    + " it, and one for each who grabbed it.",
                "A CPU would walk a page directory that is somebody else's frame by now.",
                "context_switch, finish_task_switch, mmgrab_lazy_tlb, kthread_use_mm",
                COUNTING),
            TaskBench::checkCounts),
        TaskRule.once(
            info(
                "TK-03",
                "nothing-lost",
                "When the last task has ended and every CPU has loaded another page directory, no"
                    + " frame of the ended ones is in use.",
                "A machine forks a thousand times a minute.",
                "exit_mmap, free_pgtables, __mmdrop",
                "a reference is left, or the page tables below a directory"),
            TaskCases::nothingLost),
        TaskRule.always(
            info(
                "TK-04",
                "kernel-half",
                "The page directory of every address space has the same entries as the kernel's for"
                    + " all addresses of the kernel.",
                "The kernel must find its memory whoever runs.",
                "pgd_ctor, sync_global_pgds, vmalloc_fault",
                "the kernel's entries are copied in part, or written by a process"),
            DirectoryChecks::kernelHalf),
        TaskRule.always(
            info(
                "TK-05",
                "loaded",
                "Each CPU has the page directory of its task loaded, and for a task without an"
                    + " address space still that of the task before; mm_cpumask says so.",
                "A process would see the memory of another.",
                "switch_mm_irqs_off, enter_lazy_tlb",
                "a switch does not load, or loads for kernel threads"),
            TaskBench::checkLoaded),
        TaskRule.once(
            info(
                "TK-06",
                "fork-copies",
                "What a child of fork writes the parent does not see, and what a child with"
                    + " CLONE_VM writes it does.",
                "That is what processes and threads are.",
                "dup_mm, CLONE_VM of copy_mm",
                "CLONE_VM is taken for its opposite, or a page is not copied"),
            TaskCases::forkCopies),
        TaskRule.always(
            info(
                "TK-07",
                "states",
                "Tasks have their states, groups and parents; the parent of a vfork waits until its"
                    + " child calls exec or exit.",
                "A parent that went on would overwrite the stack that its child is using.",
                "wait_for_vfork_done, mm_release, de_thread, reparent_leader",
                "a state changes too early or too late"),
            TaskBench::checkTasks),
        TaskRule.always(
            info(
                "TK-08",
                "directory-stays",
                "The page directory of an address space exists exactly as long as its mm_count is"
                    + " not 0, also when its last user has ended.",
                "The CPU that ran the last user has it loaded until the next switch.",
                "exit_mm, mmdrop",
                "the directory goes with the last user"),
            TaskBench::checkDirectories),
        TaskRule.once(
            info(
                "TK-09",
                "exec",
                "exec replaces the address space by the program's: segments with their rights, bss"
                    + " of zeroes although the file has other bytes there, a heap behind it; with"
                    + " an interpreter and without one, in any order and with any alignment; files"
                    + " and limits stay, and what cannot be executed is refused or ends the task.",
                "A program begins with what its file says and nothing else.",
                "load_elf_binary, elf_load, begin_new_exec",
                "the rest of the last page of data is not cleared, or the old mappings stay"),
            TaskCases::exec),
        TaskRule.once(
            info(
                "TK-10",
                "first-stack",
                "The stack pointer is a multiple of 16 and leads to argc, argv, envp and the"
                    + " auxiliary vector, which ends with AT_NULL and knows entry and headers; the"
                    + " stack is a page and 128 KiB, and more than a quarter of its limit is"
                    + " E2BIG.",
                "The first instructions of every program read it.",
                "create_elf_tables, copy_strings, bprm_stack_limits, setup_arg_pages",
                "a pointer or a terminating zero is missing"),
            TaskCases::firstStack),
        TaskRule.once(
            info(
                "TK-11",
                "clone-arguments",
                "CLONE_THREAD without CLONE_SIGHAND and CLONE_SIGHAND without CLONE_VM are EINVAL,"
                    + " and nothing changes.",
                "Threads of one group have one address space.",
                "copy_process",
                "flags are completed in place of refused"),
            TaskCases::cloneArguments),
        TaskRule.always(
            info(
                "TK-12",
                "init-mm",
                "init_mm has two users, and one reference for each CPU that has loaded nothing else"
                    + " yet, and one more.",
                "It must never be freed.",
                "init_mm, sched_init, cpu_init",
                COUNTING),
            TaskBench::checkInit),
        TaskRule.once(
            info(
                "TK-13",
                "wait",
                "A process that has ended stays until its parent waits for it; a thread does not;"
                    + " orphans become children of task 1.",
                "Pids and exit codes are kept for the parent.",
                "do_wait, release_task, forget_original_parent",
                "children are forgotten too early or never"),
            TaskCases::waits),
        TaskRule.once(
            info(
                "TK-14",
                "cannot-run",
                "A task that has ended, waits or runs elsewhere cannot be switched to, and the"
                    + " attempt changes nothing.",
                "Two CPUs on one stack are the end of both.",
                "__schedule, task_on_cpu",
                "the state is not looked at"),
            TaskCases::cannotRun),
        TaskRule.always(
            info(
                "TK-15",
                "no-stale",
                "No CPU's TLB has a translation that its page tables do not give.",
                "A process would write to a frame that is somebody else's.",
                "flush_tlb_mm_range, choose_new_asid",
                "a flush is missing in fork, exit or exec"),
            DirectoryChecks::noStale),
        TaskRule.once(
            info(
                "TK-16",
                "switch-changes-the-user-half",
                "Two processes have different frames at one user address; a switch between them"
                    + " changes where it leads, and for no address of the kernel.",
                "That is what a page directory for each process is for.",
                "switch_mm_irqs_off, pgd_ctor",
                "one directory serves two processes, or the kernel's half differs"),
            DirectoryChecks::switchChanges),
        TaskRule.checked(
            info(
                "TK-17",
                "knows-itself",
                "validate() finds nothing after any sequence.",
                "A recount that is wrong hides what it is for.",
                "mm4j's contract of Tasks.validate",
                "the recount leaves a kind of reference out"),
            bench -> {}),
        TaskRule.once(
            info(
                "TK-18",
                "adopt",
                "A task that takes over an address space has that one, with what is mapped in it"
                    + " and one user; one that tasks have, or of another floor, is refused and"
                    + " nothing changes.",
                "The first program of a machine, and every one that a log begins with, come so.",
                "mm4j's contract of Tasks.adopt; mm_init of the first process",
                "a copy is taken, or two tasks count as one user"),
            HoldingCases::adopts),
        TaskRule.once(
            info(
                "TK-19",
                "exit-group",
                "exit_group ends every task of the group, wherever it runs and whoever of them"
                    + " calls it, and nobody else.",
                "A process that lives on with half its threads waits for locks of the dead.",
                "do_group_exit, zap_other_threads",
                "one thread ends alone, or all that share the address space"),
            HoldingCases::exitGroup),
        TaskRule.once(
            info(
                "TK-20",
                "names",
                "A child has its parent's name, exec gives the last part of the path, and no name"
                    + " has more than 15 bytes.",
                "ps, top and OOM reports show nothing else.",
                "__set_task_comm, begin_new_exec, TASK_COMM_LEN",
                "the whole path is taken, or a byte too many"),
            HoldingCases::names),
        TaskRule.once(
            info(
                "TK-21",
                "use-mm",
                "A kernel thread that runs sees the user memory that it uses, and then what was"
                    + " loaded, lazily; whoever else tries, or uses none, or has one, is refused. A"
                    + " machine can be closed meanwhile, and nothing is in use then.",
                "io_uring and vhost write to the memory of whoever asked.",
                "kthread_use_mm, kthread_unuse_mm",
                "the page directory is not loaded, or a use counts as a user"),
            HoldingCases::usesMm),
        TaskRule.once(
            info(
                "TK-22",
                "holding",
                "What is mapped stays as long as somebody holds the address space by get, its page"
                    + " directory as long as by grab; to give up what was not taken is refused.",
                "Who reads /proc/PID/maps must not see it vanish.",
                "mmget, mmput, mmgrab, mmdrop, mmget_not_zero",
                "a put too many ends the memory of a task"),
            HoldingCases::holds),
        TaskRule.once(
            info(
                "TK-23",
                "access",
                "An access of a running task leads to the byte in RAM, by a fault if it must, and"
                    + " after a fork a write to a copy; else it says which signal the task gets.",
                "It is what a CPU does with an address.",
                "exc_page_fault, do_user_addr_fault, handle_mm_fault",
                "a write goes to the page that two share, or a signal is another one"),
            HoldingCases::accesses),
        TaskRule.once(
            info(
                "TK-24",
                "exec-keeps",
                "exec keeps that prctl switched huge pages off and denied memory that becomes"
                    + " executable, but not what children are spared; the program itself is loaded"
                    + " by these settings.",
                "A service manager sets them, then executes the service.",
                "mm_init, mmf_init_legacy_flags, MMF_INIT_LEGACY_MASK, map_deny_write_exec",
                "a program begins without them, or with all of them"),
            ExecCases::keepsSettings),
        TaskRule.drawn(
            info(
                "TK-25",
                "any-program",
                "A program of any shape - fixed or not, with an interpreter or without, with"
                    + " segments of code, data and bss at any place in their pages and in any order"
                    + " - has the pages, rights and bytes that its headers ask for; mm_struct and"
                    + " the auxiliary vector say where they are, stack and vdso are beside them,"
                    + " and the bytes of AT_RANDOM follow from the seed alone.",
                "The next compiler lays its programs out in another way.",
                "load_elf_binary, load_elf_interp, elf_load, total_mapping_size,"
                    + " maximum_alignment, create_elf_tables, setup_arg_pages, map_vdso",
                "an offset within a page, an alignment or a bias is left out somewhere"),
            ProgramCases::any),
        TaskRule.drawn(
            info(
                "TK-26",
                "calls-and-cpus",
                "Whatever a process unmaps, moves, protects or advises, no CPU uses a translation"
                    + " of before: a write after MADV_FREE makes the page dirty, MADV_DONTNEED"
                    + " leaves zeroes, and a file that is cut is cut for the children of fork,"
                    + " too.",
                "A CPU writes to the frame that it knows.",
                "flush_tlb_range of zap_pte_range, change_protection, move_page_tables,"
                    + " madvise_free_pte_range; unmap_mapping_range",
                "a flush hangs on something that is never true, or a child is not on a list"),
            CallCases::seenByCpus),
        TaskRule.once(
            info(
                "TK-27",
                "exec-without-memory",
                "With any number of frames too few for a program, exec fails: with E2BIG where the"
                    + " strings have no page, and the task has its old memory; then with ENOMEM or"
                    + " EFAULT, and it has ended; everything that was taken comes back.",
                "Memory is short when the shell is to start the program that frees some.",
                "bprm_mm_init, get_arg_page, load_elf_binary, create_elf_tables",
                "an error is not passed on, or a half-made address space stays"),
            CallCases::shortOfFrames),
        TaskRule.drawn(
            info(
                "TK-28",
                "arguments-to-the-byte",
                "Arguments and variables of any number and length are taken, or are E2BIG and leave"
                    + " the old memory, as a quarter of RLIMIT_STACK, at least 128 KiB and at most"
                    + " 6 MiB, says of their bytes and pointers, 128 KiB of each string and"
                    + " RLIMIT_STACK and RLIMIT_AS of their pages, to the byte; a kernel of 64 bits"
                    + " counts 8 bytes a pointer for a program of 32 bits, too, and 2.4 counts 32"
                    + " pages.",
                "xargs makes command lines that are just as long as the kernel takes.",
                "bprm_stack_limits, valid_arg_len, copy_strings, get_arg_page, acct_stack_growth;"
                    + " MAX_ARG_PAGES of 2.4",
                "a border is a byte off, or words of the program are counted for the kernel's"),
            ArgumentCases::toTheByte),
        TaskRule.once(
            info(
                "TK-32",
                "exec-within-a-limit",
                "A program for which RLIMIT_AS has no room is ENOMEM and ends the task; from the"
                    + " first number of pages on that suffices it is executed, and has no more but"
                    + " vvar and vdso.",
                "A limit that exec does not look at is none.",
                "may_expand_vm in do_mmap and vm_brk_flags under load_elf_binary;"
                    + " _install_special_mapping does not ask",
                "an error of a mapping is taken for its address"),
            ShortCases::execWithinLimit),
        TaskRule.once(
            info(
                "TK-33",
                "clone-without-memory",
                "clone for which there are not enough frames is ENOMEM: there is no child, and"
                    + " every frame that was taken for it is back, and no CPU uses a translation"
                    + " that the attempt has changed; one that shares everything needs none.",
                "A shell that cannot fork must be able to try again.",
                "copy_process, dup_mm, copy_page_range",
                "a half-made child stays in a list"),
            ShortCases::cloneWithoutFrames),
        TaskRule.once(
            info(
                "TK-34",
                "exec-without-one-frame",
                "Whichever frame a program is refused while it is executed, though the next one is"
                    + " there again, exec fails, or does without it and leaves the same stack:"
                    + " after E2BIG the task has its old memory, after EFAULT it has ended; every"
                    + " other frame is back.",
                "An allocation fails in the middle, and reclaim frees something meanwhile.",
                "copy_strings, create_elf_tables, elf_load, padzero",
                "one of many errors is not kept, and the program begins with a hole in its stack"),
            ShortCases::execWithoutOneFrame),
        TaskRule.once(
            info(
                "TK-35",
                "told-counters",
                "Who watches an address space is told of each change of a counter of resident"
                    + " pages, and of nothing else: once for a fault, once for a table whose pages"
                    + " go, not for the zero page; after watch(null) of nothing.",
                "Somebody who learns from events what a call costs must be able to add them up.",
                "trace_rss_stat under add_mm_counter and add_mm_rss_vec;"
                    + " include/trace/events/kmem.h",
                "a counter changes outside of the step that tells it, or the value before is told"),
            WatcherCases::counters),
        TaskRule.once(
            info(
                "TK-36",
                "told-searches",
                "mmap that takes its address as it is told of no search for room; another one is"
                    + " told of one search, with the length and the limits of what it gives.",
                "Where a mapping lies is asked most often, and the limits are the answer.",
                "trace_vm_unmapped_area under vm_unmapped_area; include/trace/events/mmap.h",
                "what is told is not what is returned"),
            WatcherCases::searches));
  }
}
