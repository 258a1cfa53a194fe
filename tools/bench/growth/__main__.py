from tools.bench.growth.command import app

if __name__ == "__main__":
    app()
