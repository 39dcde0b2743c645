// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.faults;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.ElfImage;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ExecRequest;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.Tasks;
import io.mm4j.api.process.Uapi;
import java.util.List;

/** Defects of exec: what is laid out, what reaches the stack, and whom it changes. */
final class ExecFaults {
  private ExecFaults() {}

  /** A request with another path, program or arguments. */
  private static ExecRequest changed(
      ExecRequest r, String path, ExecRequest.Program program, List<String> arguments) {
    return new ExecRequest(
        path, program, r.interpreter(), r.abi(), arguments, r.environment(), r.auxiliary());
  }

  static final class LeavesBss extends DelegatingTasks {
    LeavesBss(Tasks right) {
      super(right);
    }

    @Override
    public long exec(Task task, ExecRequest request) {
      long error = right.exec(task, request);
      AddressSpace mm = task.mm();
      if (error == 0 && mm != null) {
        long end = mm.fields().places().endData();
        var _ = mm.write(end, request.program().file().file().content() == null ? 1 : 0xa5);
      }
      return error;
    }
  }

  static final class ExecsNothing extends DelegatingTasks {
    ExecsNothing(Tasks right) {
      super(right);
    }

    @Override
    public long exec(Task task, ExecRequest request) {
      return task.pid() == task.tgid() ? right.exec(task, request) : 0;
    }
  }

  static final class HidesTheError extends DelegatingTasks {
    HidesTheError(Tasks right) {
      super(right);
    }

    @Override
    public long exec(Task task, ExecRequest request) {
      return right.exec(task, request) < 0 ? -Errno.EPERM : 0;
    }
  }

  static final class LosesArgument extends DelegatingTasks {
    LosesArgument(Tasks right) {
      super(right);
    }

    @Override
    public long exec(Task task, ExecRequest r) {
      List<String> fewer = r.arguments().subList(0, r.arguments().size() - 1);
      return right.exec(task, changed(r, r.path(), r.program(), fewer));
    }
  }

  static final class AlignsToPages extends DelegatingTasks {
    AlignsToPages(Tasks right) {
      super(right);
    }

    private static ExecRequest.Program aligned(ExecRequest.Program program) {
      ElfImage image = program.image();
      List<ElfImage.Segment> segments =
          image.segments().stream()
              .map(
                  s ->
                      new ElfImage.Segment(
                          s.type(),
                          s.flags(),
                          s.offset(),
                          s.vaddr(),
                          s.fileBytes(),
                          s.memoryBytes(),
                          4096))
              .toList();
      return new ExecRequest.Program(
          program.file(),
          new ElfImage(
              image.is64(),
              image.type(),
              image.entry(),
              image.headerOffset(),
              segments,
              image.interpreter(),
              image.stack()));
    }

    @Override
    public long exec(Task task, ExecRequest r) {
      return right.exec(task, changed(r, r.path(), aligned(r.program()), r.arguments()));
    }
  }

  static final class CutsArguments extends DelegatingTasks {
    CutsArguments(Tasks right) {
      super(right);
    }

    @Override
    public long exec(Task task, ExecRequest r) {
      long error = right.exec(task, r);
      if (error != -Errno.E2BIG) {
        return error;
      }
      return right.exec(task, changed(r, r.path(), r.program(), List.of("cut")));
    }
  }

  static final class KeepsName extends DelegatingTasks {
    KeepsName(Tasks right) {
      super(right);
    }

    @Override
    public long exec(Task task, ExecRequest r) {
      return right.exec(task, changed(r, task.comm(), r.program(), r.arguments()));
    }
  }

  static final class ForgetsSettings extends DelegatingTasks {
    ForgetsSettings(Tasks right) {
      super(right);
    }

    @Override
    public long exec(Task task, ExecRequest request) {
      long error = right.exec(task, request);
      AddressSpace mm = task.mm();
      if (error == 0 && mm != null) {
        long _ = mm.syscall(Syscall.PRCTL, Uapi.PR_SET_THP_DISABLE, 0);
      }
      return error;
    }
  }
}
