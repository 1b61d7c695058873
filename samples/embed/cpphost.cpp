// A host in C++: the machine and its processes as objects that clean up after themselves, and a C++ function that guests call.
#include <cmath>
#include <iostream>
#include <memory>
#include <rille.h>
#include <stdexcept>
#include <string>

namespace {

struct MachineDeleter {
    void operator()(rille_machine *machine) const
    {
        rille_machine_free(machine);
    }
};

struct ProcessDeleter {
    void operator()(rille_process *process) const
    {
        rille_process_free(process);
    }
};

class Process {
public:
    Process(rille_machine *machine, const std::string &name, const std::string &text)
        : process(rille_spawn_text(machine, name.c_str(), text.data(), text.size()))
    {
        if (!process)
            throw std::runtime_error(rille_error(machine));
    }

    rille_result run()
    {
        return rille_run(process.get(), RILLE_UNTIL_EXIT);
    }

private:
    std::unique_ptr<rille_process, ProcessDeleter> process;
};

int power(rille_call *call, const rille_value *arguments, void *data)
{
    ++*static_cast<int *>(data);
    rille_call_return(call, rille_number(std::pow(arguments[0].as.number, arguments[1].as.number)));
    return 0;
}

} // namespace

int main()
{
    rille_config config = RILLE_CONFIG_SANDBOX;
    config.fuel = 100000;
    std::unique_ptr<rille_machine, MachineDeleter> machine(rille_machine_new(&config));
    int calls = 0;
    rille_add_call(machine.get(), "power", "nn", power, &calls);
    const std::string texts[] = {"print(require('host').power(2, 0.5))", "while true do end", "print(#)"};
    for (const std::string &text : texts) {
        try {
            Process process(machine.get(), "=guest", text);
            rille_result result = process.run();
            std::cout << rille_status_name(result.status) << std::endl;
        } catch (const std::exception &error) {
            std::cout << "cannot: " << error.what() << std::endl;
        }
    }
    std::cout << calls << " call" << std::endl;
}
