// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.testkit.Operation;
import io.mm4j.testkit.process.rules.Act.Kind;
import java.util.ArrayList;
import java.util.List;

/**
 * One step of a script. Numbers say where in small terms ("page 5 of the window", "the third VMA"),
 * so that a script stays meaningful when steps are left out of it; {@link SpaceSubject} makes an
 * {@link Act} of it.
 *
 * @param kind which call
 * @param process whose, modulo how many live
 * @param at where
 * @param pages how long
 * @param to where to, or how long then
 * @param detail protection, flags, advice: the bits of one number
 */
record SpaceOp(Kind kind, int process, int at, int pages, int to, int detail)
    implements Operation<SpaceSubject> {
  @Override
  public void apply(SpaceSubject subject) {
    subject.play(this);
  }

  @Override
  public List<SpaceOp> simpler() {
    List<SpaceOp> list = new ArrayList<>();
    if (process != 0) {
      list.add(new SpaceOp(kind, 0, at, pages, to, detail));
    }
    if (at != 0) {
      list.add(new SpaceOp(kind, process, 0, pages, to, detail));
    }
    if (pages > 1) {
      list.add(new SpaceOp(kind, process, at, 1, to, detail));
      list.add(new SpaceOp(kind, process, at, pages / 2, to, detail));
    }
    return list;
  }

  @Override
  public String toString() {
    return kind + " " + process + " " + at + " " + pages + " " + to + " " + detail;
  }
}
