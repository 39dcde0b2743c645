// SPDX-License-Identifier: Apache-2.0

/** Tasks that are wrong on purpose. */
@NullMarked
package io.mm4j.testkit.task.faults;

import org.jspecify.annotations.NullMarked;
